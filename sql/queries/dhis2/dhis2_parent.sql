-- Put org units below their parents: the staged ones, and those that waited for one of them. $1 bigint record or NULL for all. OFFSET 0 has the index asked
-- for each: the planner, who does not know yet how many wait, would look through all of them.
WITH staged AS (
    SELECT s.record, u.id, u.version_id, u.source_ref
      FROM drumbeat_stage s
      JOIN registry.org_unit u ON u.version_id = (s.data->>'version_id')::bigint AND u.source_ref = s.data->>'source_ref'
     WHERE s.kind = 'unit' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), children AS (
    SELECT id, min(record) AS record
      FROM (SELECT id, record FROM staged
            UNION ALL
            SELECT w.id, s.record
              FROM staged s
             CROSS JOIN LATERAL (SELECT u.id FROM registry.org_unit u
                                  WHERE u.version_id = s.version_id AND u.parent_source_ref = s.source_ref AND u.parent_id IS NULL OFFSET 0) w) b
     GROUP BY id
), written AS (
    UPDATE registry.org_unit u SET parent_id = p.id
      FROM children c
      JOIN registry.org_unit me ON me.id = c.id
      LEFT JOIN registry.org_unit p ON p.version_id = me.version_id AND p.source_ref = me.parent_source_ref
     WHERE u.id = c.id AND u.parent_id IS DISTINCT FROM p.id
    RETURNING c.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
