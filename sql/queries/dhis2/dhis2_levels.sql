-- A type of org units for each level that has a name. $1 bigint source version, $2 jsonb: array of {"level", "name"}. Writes only what differs.
WITH told AS (
    SELECT DISTINCT ON (r.level) v.data_source_id, r.level, r.name
      FROM registry.source_version v, jsonb_to_recordset($2::jsonb) AS r(level smallint, name varchar(255))
     WHERE v.id = $1::bigint ORDER BY r.level, r.name
)
INSERT INTO registry.org_unit_type AS t (data_source_id, depth, name, short_name)
SELECT d.data_source_id, d.level, d.name, d.name
  FROM told d LEFT JOIN registry.org_unit_type t ON t.data_source_id = d.data_source_id AND t.depth = d.level
 WHERE t.id IS NULL OR t.name <> d.name
 ORDER BY d.level
ON CONFLICT (data_source_id, (coalesce(depth, -1))) WHERE data_source_id IS NOT NULL DO UPDATE SET name = excluded.name
