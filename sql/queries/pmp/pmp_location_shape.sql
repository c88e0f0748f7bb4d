-- The shapes of the staged places. $1 bigint record or NULL for all. One that was not told, or could not be read, leaves what was there.
WITH staged AS (
    SELECT DISTINCT ON (t.id) s.record, t.id, coalesce(r.geom, t.geom) AS geom, coalesce(r.point, t.point) AS point
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(name varchar(254), p_code varchar(32), admin_level smallint, geom jsonb, point jsonb)
      JOIN registry.location t USING (name, p_code, admin_level)
     WHERE s.kind = 'location' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY t.id, s.record DESC
), written AS (
    UPDATE registry.location t
       SET geom = s.geom, point = s.point, latitude = coalesce((s.point->'coordinates'->>1)::double precision, t.latitude),
           longitude = coalesce((s.point->'coordinates'->>0)::double precision, t.longitude), modified = clock_timestamp()
      FROM staged s
     WHERE t.id = s.id AND (t.geom, t.point) IS DISTINCT FROM (s.geom, s.point)
    RETURNING s.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
