-- Which groups the staged org units are in: c1 id, c3 JSON array of {"id"}, c4 version. One without the array keeps its own, and groups that were made here are
-- left alone. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, s.c3::jsonb AS groups, u.id, u.version_id
      FROM drumbeat_stage s
      JOIN registry.org_unit u ON u.version_id = s.c4::bigint AND u.source_ref = s.c1
     WHERE s.kind = 'unit' AND s.c3 IS NOT NULL AND ($1::bigint IS NULL OR s.record = $1::bigint)
), wanted AS (
    SELECT s.record, s.id AS org_unit_id, g.id AS org_unit_group_id
      FROM staged s CROSS JOIN LATERAL jsonb_to_recordset(s.groups) AS w(id text)
      JOIN registry.org_unit_group g ON g.source_version_id = s.version_id AND g.source_ref = w.id
), present AS (
    SELECT s.record, m.org_unit_id, m.org_unit_group_id
      FROM staged s
      JOIN registry.org_unit_group_member m ON m.org_unit_id = s.id
      JOIN registry.org_unit_group g ON g.id = m.org_unit_group_id AND g.source_ref IS NOT NULL
), missing AS (
    SELECT * FROM wanted EXCEPT SELECT * FROM present
), left_over AS (
    SELECT * FROM present EXCEPT SELECT * FROM wanted
), added AS (
    INSERT INTO registry.org_unit_group_member (org_unit_id, org_unit_group_id) SELECT org_unit_id, org_unit_group_id FROM missing ORDER BY 1, 2
), gone AS (
    DELETE FROM registry.org_unit_group_member m USING left_over l WHERE m.org_unit_id = l.org_unit_id AND m.org_unit_group_id = l.org_unit_group_id
)
SELECT record, sum(created)::bigint AS created, 0::bigint AS updated, sum(removed)::bigint AS removed
  FROM (SELECT record, 1 AS created, 0 AS removed FROM missing UNION ALL SELECT record, 0, 1 FROM left_over) changes
 GROUP BY record
