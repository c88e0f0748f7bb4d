-- Which groups the staged group sets hold. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, t.id, t.source_version_id, s.data->'groups' AS groups
      FROM drumbeat_stage s
      JOIN registry.group_set t ON t.source_version_id = (s.data->>'version_id')::bigint AND t.source_ref = s.data->>'source_ref'
     WHERE s.kind = 'set' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), wanted AS (
    SELECT DISTINCT s.record, s.id AS group_set_id, g.id AS org_unit_group_id
      FROM staged s CROSS JOIN LATERAL jsonb_array_elements_text(s.groups) AS w(source_ref)
      JOIN registry.org_unit_group g ON g.source_version_id = s.source_version_id AND g.source_ref = w.source_ref
), gone AS (
    DELETE FROM registry.group_set_group m
     USING staged s
     WHERE m.group_set_id = s.id
       AND NOT EXISTS (SELECT FROM wanted w WHERE w.group_set_id = m.group_set_id AND w.org_unit_group_id = m.org_unit_group_id)
    RETURNING s.record
), added AS (
    INSERT INTO registry.group_set_group (group_set_id, org_unit_group_id)
    SELECT w.group_set_id, w.org_unit_group_id FROM wanted w
     WHERE NOT EXISTS (SELECT FROM registry.group_set_group m
                        WHERE m.group_set_id = w.group_set_id AND m.org_unit_group_id = w.org_unit_group_id)
     ORDER BY 1, 2
    RETURNING group_set_id
)
SELECT record, sum(created)::bigint AS created, 0::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT s.record, 1 AS created, 0 AS removed FROM added a JOIN staged s ON s.id = a.group_set_id
        UNION ALL SELECT record, 0, 1 FROM gone) changes
 GROUP BY record
