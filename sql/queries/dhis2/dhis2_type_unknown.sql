-- The type of org units whose level, c6, has no name, once there is such a unit; c4 version. $1 bigint record or NULL for all.
WITH told AS (
    SELECT DISTINCT c4::bigint AS version_id, c6::smallint AS level
      FROM drumbeat_stage WHERE kind = 'unit' AND ($1::bigint IS NULL OR record = $1::bigint)
), written AS (
    INSERT INTO registry.org_unit_type (data_source_id, name)
    SELECT DISTINCT d.id, left(d.name, 200) || '-Unknown-' || d.id
      FROM told JOIN registry.source_version v ON v.id = told.version_id JOIN registry.data_source d ON d.id = v.data_source_id
     WHERE NOT EXISTS (SELECT FROM registry.org_unit_type t WHERE t.data_source_id = d.id AND (t.depth = told.level OR t.depth IS NULL))
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
