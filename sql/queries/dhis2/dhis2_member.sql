-- Which groups the staged org units are in; a unit that comes without `groups` keeps its own, and groups made here are left alone. $1 bigint
-- record or NULL for all.
WITH staged AS (
    SELECT s.record, u.id, u.version_id, s.data->'groups' AS groups
      FROM drumbeat_stage s
      JOIN registry.org_unit u ON u.version_id = (s.data->>'version_id')::bigint AND u.source_ref = s.data->>'source_ref'
     WHERE s.kind = 'unit' AND jsonb_typeof(s.data->'groups') = 'array' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), wanted AS (
    SELECT DISTINCT s.record, s.id AS org_unit_id, g.id AS org_unit_group_id
      FROM staged s CROSS JOIN LATERAL jsonb_array_elements_text(s.groups) AS w(source_ref)
      JOIN registry.org_unit_group g ON g.source_version_id = s.version_id AND g.source_ref = w.source_ref
), gone AS (
    DELETE FROM registry.org_unit_group_member m
     USING staged s, registry.org_unit_group g
     WHERE m.org_unit_id = s.id AND g.id = m.org_unit_group_id AND g.source_ref IS NOT NULL
       AND NOT EXISTS (SELECT FROM wanted w WHERE w.org_unit_id = m.org_unit_id AND w.org_unit_group_id = m.org_unit_group_id)
    RETURNING s.record
), added AS (
    INSERT INTO registry.org_unit_group_member (org_unit_id, org_unit_group_id)
    SELECT w.org_unit_id, w.org_unit_group_id FROM wanted w
     WHERE NOT EXISTS (SELECT FROM registry.org_unit_group_member m
                        WHERE m.org_unit_id = w.org_unit_id AND m.org_unit_group_id = w.org_unit_group_id)
     ORDER BY 1, 2
    RETURNING org_unit_id
)
SELECT record, sum(created)::bigint AS created, 0::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT s.record, 1 AS created, 0 AS removed FROM added a JOIN staged s ON s.id = a.org_unit_id
        UNION ALL SELECT record, 0, 1 FROM gone) changes
 GROUP BY record
