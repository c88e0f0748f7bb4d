-- Put places below their parents, which are known by p_code: the deepest above them, of a common workspace if there is one. The
-- staged places, and those that waited for one of them. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT t.id, t.p_code, min(s.record) AS record
      FROM drumbeat_stage s
      JOIN registry.location t
        ON t.name = s.data->>'name' AND t.p_code = s.data->>'p_code' AND t.admin_level = (s.data->>'admin_level')::smallint
     WHERE s.kind = 'location' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     GROUP BY t.id
), children AS (
    SELECT id, min(record) AS record
      FROM (SELECT id, record FROM staged
            UNION ALL
            SELECT t.id, s.record FROM staged s JOIN registry.location t ON t.parent_p_code = s.p_code AND t.parent_id IS NULL) both_kinds
     GROUP BY id
), placed AS (
    SELECT c.record, t.id, t.parent_id,
           (SELECT u.id FROM registry.location u
             WHERE u.p_code = t.parent_p_code AND u.admin_level < t.admin_level AND u.is_active
             ORDER BY EXISTS (SELECT FROM registry.location_workspace a JOIN registry.location_workspace b USING (workspace_id)
                               WHERE a.location_id = u.id AND b.location_id = t.id) DESC, u.admin_level DESC, u.id
             LIMIT 1) AS found
      FROM children c JOIN registry.location t USING (id)
     WHERE t.parent_p_code IS NOT NULL
       AND NOT EXISTS (SELECT FROM registry.location u WHERE u.id = t.parent_id AND u.p_code = t.parent_p_code)
), locked AS (
    SELECT t.id, p.record, p.found FROM placed p JOIN registry.location t USING (id)
     WHERE p.found IS DISTINCT FROM t.parent_id
     ORDER BY t.name, t.p_code, t.admin_level FOR UPDATE OF t
), written AS (
    UPDATE registry.location t SET parent_id = l.found, modified = clock_timestamp() FROM locked l WHERE t.id = l.id RETURNING l.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
