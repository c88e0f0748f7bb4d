-- The type of org units whose level has no name, once there is such a unit. $1 bigint record or NULL for all.
WITH nameless AS (
    SELECT DISTINCT ON (d.id) s.record, d.id, d.name
      FROM drumbeat_stage s
      JOIN registry.source_version v ON v.id = (s.data->>'version_id')::bigint
      JOIN registry.data_source d ON d.id = v.data_source_id
     WHERE s.kind = 'unit' AND ($1::bigint IS NULL OR s.record = $1::bigint)
       AND NOT EXISTS (SELECT FROM registry.org_unit_type t
                        WHERE t.data_source_id = d.id AND (t.depth = (s.data->>'level')::smallint OR t.depth IS NULL))
     ORDER BY d.id, s.record
), written AS (
    INSERT INTO registry.org_unit_type (data_source_id, name)
    SELECT id, left(name, 200) || '-Unknown-' || id FROM nameless
    ON CONFLICT DO NOTHING
    RETURNING data_source_id
)
SELECT n.record, 1::bigint AS created, 0::bigint AS updated, 0::bigint AS removed FROM written w JOIN nameless n ON n.id = w.data_source_id
