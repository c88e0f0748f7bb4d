-- The shapes of the staged places. $1 bigint record or NULL for all. One that was not told, or could not be read, leaves what was there; what the list
-- of a greater business area has told stays, see `origin` in the schema.
WITH staged AS (
    SELECT DISTINCT ON (t.id) s.record, t.id, w.stands, r.origin, r.origin_at,
           CASE WHEN w.stands THEN coalesce(r.geom, t.geom) ELSE coalesce(t.geom, r.geom) END AS geom,
           CASE WHEN w.stands THEN coalesce(r.point, t.point) ELSE coalesce(t.point, r.point) END AS point
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(name varchar(254), p_code varchar(32), admin_level smallint, geom jsonb, point jsonb, origin text,
                                        origin_at timestamptz)
      JOIN registry.location t USING (name, p_code, admin_level),
           LATERAL (SELECT (r.origin_at, r.origin) >= (t.origin_at, t.origin) AS stands) w
     WHERE s.kind = 'location' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY t.id, s.record DESC
), written AS (
    UPDATE registry.location t
       SET geom = s.geom, point = s.point, latitude = coalesce((s.point->'coordinates'->>1)::double precision, t.latitude),
           longitude = coalesce((s.point->'coordinates'->>0)::double precision, t.longitude), modified = clock_timestamp(),
           origin = CASE WHEN s.stands THEN s.origin ELSE t.origin END, origin_at = CASE WHEN s.stands THEN s.origin_at ELSE t.origin_at END
      FROM staged s
     WHERE t.id = s.id AND (t.geom, t.point) IS DISTINCT FROM (s.geom, s.point)
    RETURNING s.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
