-- Which groups the staged group sets hold: c1 id, c3 JSON array of {"id"}, c4 version. One without the array keeps its own. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.c3::jsonb AS groups, t.id, t.source_version_id
      FROM drumbeat_stage s
      JOIN registry.group_set t ON t.source_version_id = s.c4::bigint AND t.source_ref = s.c1
     WHERE s.kind = 'set' AND s.c3 IS NOT NULL AND ($1::bigint IS NULL OR s.record = $1::bigint)
), wanted AS (
    SELECT s.id AS group_set_id, g.id AS org_unit_group_id
      FROM staged s CROSS JOIN LATERAL jsonb_to_recordset(s.groups) AS w(id text)
      JOIN registry.org_unit_group g ON g.source_version_id = s.source_version_id AND g.source_ref = w.id
), present AS (
    SELECT m.group_set_id, m.org_unit_group_id FROM staged s JOIN registry.group_set_group m ON m.group_set_id = s.id
), added AS (
    INSERT INTO registry.group_set_group (group_set_id, org_unit_group_id) (SELECT * FROM wanted EXCEPT SELECT * FROM present) ORDER BY 1, 2 RETURNING 1
), gone AS (
    DELETE FROM registry.group_set_group m USING (SELECT * FROM present EXCEPT SELECT * FROM wanted) l
     WHERE m.group_set_id = l.group_set_id AND m.org_unit_group_id = l.org_unit_group_id
    RETURNING 1
)
SELECT NULL::bigint AS record, (SELECT count(*) FROM added) AS created, 0::bigint AS updated, (SELECT count(*) FROM gone) AS removed
