-- Put staged places, and those that waited for one of them, below their parents: the deepest active place above them with the p_code they
-- were told. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT record, c1 AS p_code FROM drumbeat_stage WHERE kind = 'place' AND ($1::bigint IS NULL OR record = $1::bigint)
), children AS (
    SELECT DISTINCT ON (t.id) s.record, t.*
      FROM staged s
     CROSS JOIN LATERAL (SELECT l.id, l.admin_level, l.parent_id, l.parent_p_code FROM registry.location l
                          WHERE l.p_code = s.p_code AND l.is_active AND l.parent_p_code IS NOT NULL
                         UNION ALL
                         SELECT l.id, l.admin_level, l.parent_id, l.parent_p_code FROM registry.location l
                          WHERE l.parent_p_code = s.p_code AND l.parent_id IS NULL AND l.is_active
                         OFFSET 0) t
     ORDER BY t.id, s.record
), placed AS MATERIALIZED (
    SELECT c.record, c.id, c.parent_id,
           (SELECT u.id FROM registry.location u
             WHERE u.p_code = c.parent_p_code AND u.admin_level < c.admin_level AND u.is_active
             ORDER BY u.admin_level DESC, u.id LIMIT 1) AS found
      FROM children c
), locked AS (
    SELECT t.id, p.record, p.found FROM placed p JOIN registry.location t USING (id)
     WHERE p.found IS DISTINCT FROM p.parent_id
     ORDER BY t.name, t.p_code, t.admin_level FOR UPDATE OF t
), written AS (
    UPDATE registry.location t SET parent_id = l.found, modified = clock_timestamp() FROM locked l WHERE t.id = l.id RETURNING l.record
)
SELECT record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written GROUP BY record
