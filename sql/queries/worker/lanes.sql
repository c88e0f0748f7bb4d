-- The lanes in which tasks wait, with the lowest sequence number in each, by a loose walk over the index. A row each.
-- $1 text[] queues or NULL for all but the private ones of `drumbeat run` and `bench`
WITH RECURSIVE lane(queue, priority, seq) AS (
    (SELECT queue, priority, seq FROM drumbeat.ready ORDER BY queue, priority, seq LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority, n.seq FROM lane l CROSS JOIN LATERAL (
        SELECT r.queue, r.priority, r.seq FROM drumbeat.ready r WHERE (r.queue, r.priority) > (l.queue, l.priority)
         ORDER BY r.queue, r.priority, r.seq LIMIT 1) n
)
SELECT queue, priority, seq FROM lane
 WHERE CASE WHEN $1::text[] IS NULL THEN NOT starts_with(queue, 'run.') ELSE queue = ANY ($1::text[]) END LIMIT 1000
