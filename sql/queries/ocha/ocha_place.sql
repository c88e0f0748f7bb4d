-- Which row each place of HPC is. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (r.external_id) s.record, r.external_id,
           coalesce((SELECT l.id FROM registry.location l WHERE l.external_source = 'HPC' AND l.external_id = r.external_id),
                    (SELECT l.id FROM registry.location l WHERE l.name = r.name AND l.p_code = r.p_code AND l.admin_level = r.admin_level)) AS location_id
      FROM drumbeat_stage s, jsonb_to_record(s.data) AS r(external_id text, name varchar(254), p_code varchar(32), admin_level smallint)
     WHERE s.kind = 'place' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.external_id, s.record DESC
), written AS (
    INSERT INTO registry.hpc_place AS p (external_id, location_id)
    SELECT s.external_id, s.location_id
      FROM staged s LEFT JOIN registry.hpc_place p USING (external_id)
     WHERE s.location_id IS NOT NULL AND p.location_id IS DISTINCT FROM s.location_id
     ORDER BY s.external_id
    ON CONFLICT (external_id) DO UPDATE SET location_id = excluded.location_id
    RETURNING p.external_id
)
SELECT s.record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written w JOIN staged s USING (external_id) GROUP BY s.record
