-- Put staged places, and those that waited for one of them, below their parents: the deepest active place above them with the p_code they
-- were told. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT record, c1 AS p_code FROM drumbeat_stage WHERE kind = 'place' AND ($1::bigint IS NULL OR record = $1::bigint)
), children AS (
    SELECT t.id, min(s.record) AS record
      FROM staged s
     CROSS JOIN LATERAL (SELECT l.id FROM registry.location l WHERE l.p_code = s.p_code AND l.is_active
                         UNION ALL
                         SELECT l.id FROM registry.location l WHERE l.parent_p_code = s.p_code AND l.parent_id IS NULL AND l.is_active
                         OFFSET 0) t
     GROUP BY t.id
), placed AS (
    SELECT c.record, t.id, t.parent_id,
           (SELECT u.id FROM registry.location u
             WHERE u.p_code = t.parent_p_code AND u.admin_level < t.admin_level AND u.is_active
             ORDER BY u.admin_level DESC, u.id LIMIT 1) AS found
      FROM children c JOIN registry.location t USING (id)
     WHERE t.parent_p_code IS NOT NULL
), locked AS (
    SELECT t.id, p.record, p.found FROM placed p JOIN registry.location t USING (id)
     WHERE p.found IS DISTINCT FROM t.parent_id
     ORDER BY t.name, t.p_code, t.admin_level FOR UPDATE OF t
), written AS (
    UPDATE registry.location t SET parent_id = l.found, modified = clock_timestamp() FROM locked l WHERE t.id = l.id RETURNING l.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
