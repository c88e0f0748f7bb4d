-- Places of HPC, those that another source has already under their name, code and level left out. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (r.external_id) s.record, r.external_id, r.name, r.p_code, r.admin_level, r.latitude, r.longitude
      FROM drumbeat_stage s, jsonb_to_record(s.data) AS r(external_id text, name varchar(254), p_code varchar(32), admin_level smallint,
                                                          latitude double precision, longitude double precision)
     WHERE s.kind = 'place' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.external_id, s.record DESC
), changed AS (
    UPDATE registry.location l
       SET name = s.name, p_code = s.p_code, admin_level = s.admin_level, latitude = s.latitude, longitude = s.longitude, modified = clock_timestamp()
      FROM staged s
     WHERE l.external_source = 'HPC' AND l.external_id = s.external_id
       AND (l.name, l.p_code, l.admin_level, l.latitude, l.longitude) IS DISTINCT FROM (s.name, s.p_code, s.admin_level, s.latitude, s.longitude)
    RETURNING s.record
), created AS (
    INSERT INTO registry.location AS l (external_id, external_source, name, p_code, admin_level, latitude, longitude, origin)
    SELECT s.external_id, 'HPC', s.name, s.p_code, s.admin_level, s.latitude, s.longitude, 'hpc'
      FROM staged s
     WHERE NOT EXISTS (SELECT FROM registry.location o WHERE o.external_source = 'HPC' AND o.external_id = s.external_id)
     ORDER BY s.external_id
    ON CONFLICT DO NOTHING
    RETURNING l.external_id
)
SELECT record, sum(created)::bigint AS created, sum(updated)::bigint AS updated, 0::bigint AS removed
  FROM (SELECT s.record, 1 AS created, 0 AS updated FROM created c JOIN staged s USING (external_id)
        UNION ALL
        SELECT record, 0, 1 FROM changed) changes
 GROUP BY record
