-- Staged places into location, by p_code among the active ones; of several with one p_code that of the same level. c1 p_code, c2 name,
-- c3 parent's p_code or NULL, c4 geometry, c5 level, c6 level's name, c7 origin. $1 bigint record or NULL for all. A Point goes into
-- point, a MultiPolygon into geom; the other of the two stays as it was, and so does a parent that is not told.
WITH staged AS (
    SELECT record, c1::varchar(32) AS p_code, c2::varchar(254) AS name, c3::varchar(32) AS parent_p_code, c5::smallint AS admin_level,
           c6::varchar(64) AS admin_level_name, c7 AS origin,
           CASE WHEN g.shape->>'type' <> 'Point' THEN g.shape END AS geom, CASE g.shape->>'type' WHEN 'Point' THEN g.shape END AS point
      FROM drumbeat_stage, LATERAL (SELECT c4::jsonb AS shape) g
     WHERE kind = 'place' AND ($1::bigint IS NULL OR record = $1::bigint)
), known AS (
    SELECT DISTINCT ON (s.record) s.*, t.id
      FROM staged s LEFT JOIN registry.location t ON t.p_code = s.p_code AND t.is_active
     ORDER BY s.record, (t.admin_level = s.admin_level) DESC, t.id
), written AS (
    INSERT INTO registry.location AS t (external_source, name, p_code, admin_level, admin_level_name, parent_p_code, geom, point, longitude, latitude,
                                        origin, origin_at)
    SELECT 'CARTO', name, p_code, admin_level, admin_level_name, parent_p_code, geom, point, (point->'coordinates'->>0)::double precision,
           (point->'coordinates'->>1)::double precision, origin, 'infinity'
      FROM known WHERE id IS NULL ORDER BY name, p_code, admin_level
    ON CONFLICT (name, p_code, admin_level) DO UPDATE
       SET is_active = true, admin_level_name = excluded.admin_level_name, parent_p_code = coalesce(excluded.parent_p_code, t.parent_p_code),
           geom = coalesce(excluded.geom, t.geom), point = coalesce(excluded.point, t.point), longitude = coalesce(excluded.longitude, t.longitude),
           latitude = coalesce(excluded.latitude, t.latitude), origin = excluded.origin, origin_at = excluded.origin_at, modified = clock_timestamp()
    RETURNING t.p_code, t.xmax = 0 AS is_new
), differing AS (
    SELECT k.record, k.p_code, t.id
      FROM known k JOIN registry.location t ON t.id = k.id
     WHERE (t.name, t.admin_level, t.admin_level_name, t.parent_p_code, t.geom, t.point, t.origin)
           IS DISTINCT FROM
           (k.name, k.admin_level, k.admin_level_name, coalesce(k.parent_p_code, t.parent_p_code), coalesce(k.geom, t.geom), coalesce(k.point, t.point),
            k.origin)
     ORDER BY t.name, t.p_code, t.admin_level FOR UPDATE OF t
), changed AS (
    UPDATE registry.location t
       SET name = k.name, admin_level = k.admin_level, admin_level_name = k.admin_level_name, parent_p_code = coalesce(k.parent_p_code, t.parent_p_code),
           geom = coalesce(k.geom, t.geom), point = coalesce(k.point, t.point),
           longitude = coalesce((k.point->'coordinates'->>0)::double precision, t.longitude),
           latitude = coalesce((k.point->'coordinates'->>1)::double precision, t.latitude),
           origin = k.origin, origin_at = 'infinity', modified = clock_timestamp()
      FROM differing d JOIN known k USING (record)
     WHERE t.id = d.id
    RETURNING k.record
)
SELECT k.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN known k USING (p_code) GROUP BY k.record
UNION ALL
SELECT record, 0, 1, 0 FROM changed
