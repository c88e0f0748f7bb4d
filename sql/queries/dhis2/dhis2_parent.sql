-- Put org units below their parents: the staged ones (c1 id, c4 version), and those that waited for one of them. $1 bigint record or NULL for all. OFFSET 0 has
-- the index asked for each: the planner, who does not know yet how many wait, would look through all of them.
WITH staged AS (
    SELECT s.record, u.id, u.version_id, u.source_ref, u.parent_id, u.parent_source_ref
      FROM drumbeat_stage s
      JOIN registry.org_unit u ON u.version_id = s.c4::bigint AND u.source_ref = s.c1
     WHERE s.kind = 'unit' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), placed AS (
    SELECT s.record, s.id, s.parent_id, p.id AS found
      FROM staged s LEFT JOIN registry.org_unit p ON p.version_id = s.version_id AND p.source_ref = s.parent_source_ref
    UNION
    SELECT s.record, w.id, NULL, s.id
      FROM staged s
     CROSS JOIN LATERAL (SELECT u.id FROM registry.org_unit u
                          WHERE u.version_id = s.version_id AND u.parent_source_ref = s.source_ref AND u.parent_id IS NULL OFFSET 0) w
), written AS (
    UPDATE registry.org_unit u SET parent_id = c.found
      FROM (SELECT id, found, min(record) AS record FROM placed WHERE found IS DISTINCT FROM parent_id GROUP BY id, found) c
     WHERE u.id = c.id
    RETURNING c.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
