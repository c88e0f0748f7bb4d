-- The queues in which tasks wait, but for the private ones of `drumbeat run` and `bench`. A row each, at most $1 (bigint): queue, paused,
-- whether a living worker serves it, and what a worker with a free seat would claim next (NULL: nothing): priority, seq, attempt, task,
-- handler, worker. A seat is free unless a task in it has been marked as started. Of each lane the first 200 tasks are looked at.
-- A limit that has room is a row of its own while a worker could have what waits for it: in the place of a queue stand its kind and name.
-- Of a queue in Redis alone its oldest task is told by when it could run, as a worker saw it last; when none has looked for half a minute, by 0.
WITH RECURSIVE lane(queue, priority, flow, seq) AS (
    (SELECT queue, priority, flow, seq FROM drumbeat.ready ORDER BY queue, priority, flow, seq LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority, n.flow, n.seq FROM lane l CROSS JOIN LATERAL (
        SELECT r.queue, r.priority, r.flow, r.seq FROM drumbeat.ready r WHERE (r.queue, r.priority, r.flow) > (l.queue, l.priority, l.flow)
         ORDER BY r.queue, r.priority, r.flow, r.seq LIMIT 1) n
), gate(gate, turn) AS (
    (SELECT gate, 1 FROM drumbeat.gated ORDER BY gate LIMIT 1)
    UNION ALL
    SELECT n.gate, g.turn + 1 FROM gate g CROSS JOIN LATERAL (
        SELECT x.gate FROM drumbeat.gated x WHERE x.gate > g.gate ORDER BY x.gate LIMIT 1) n
     WHERE g.turn < 200
), live AS MATERIALIZED (
    SELECT format('%s pid %s', w.host, w.pid) AS worker, w.queues, w.names,
           w.pool, w.pool > (SELECT count(*) FROM drumbeat.seat s
                      WHERE s.worker = w.id AND EXISTS (SELECT FROM drumbeat.running r WHERE r.worker = s.worker AND r.seat = s.seat AND r.started_at IS NOT NULL)) AS free
      FROM drumbeat.worker w WHERE NOT w.draining AND w.seen_at + w.lease > clock_timestamp()
)
(SELECT DISTINCT ON (l.queue) l.queue, coalesce(q.paused, false) AS paused,
       EXISTS (SELECT FROM live w WHERE w.queues IS NULL OR l.queue = ANY (w.queues)) AS served,
       n.priority, n.seq, n.attempt, n.task_id, n.name, n.worker
  FROM lane l
  LEFT JOIN drumbeat.queue_state q ON q.name = l.queue
  LEFT JOIN LATERAL (
      SELECT f.priority, f.seq, f.attempt, f.task_id, f.name, w.worker
        FROM (SELECT * FROM drumbeat.ready r WHERE r.queue = l.queue AND r.priority = l.priority AND r.flow = l.flow AND r.seq >= l.seq ORDER BY r.seq LIMIT 200) f
        JOIN live w ON w.free AND (w.queues IS NULL OR l.queue = ANY (w.queues)) AND f.name = ANY (w.names)
       ORDER BY f.seq LIMIT 1
  ) n ON NOT coalesce(q.paused, false)
 WHERE NOT starts_with(l.queue, 'run.')
 ORDER BY l.queue, n.seq IS NULL, l.priority LIMIT $1::bigint)
UNION ALL
SELECT t.name, coalesce(q.paused, false), EXISTS (SELECT FROM live w WHERE w.queues IS NULL OR t.name = ANY (w.queues)),
       0, CASE WHEN n.worker IS NULL THEN NULL WHEN n.unseen THEN 0 ELSE (extract(epoch FROM t.oldest_at) * 1000000)::bigint END, 0, NULL, 'in Redis', n.worker
  FROM drumbeat.light_queue t
  LEFT JOIN drumbeat.queue_state q ON q.name = t.name
  LEFT JOIN LATERAL (
      SELECT w.worker, t.seen_at < clock_timestamp() - interval '30 s' AS unseen FROM live w
       WHERE (w.queues IS NULL OR t.name = ANY (w.queues)) AND (t.seen_at < clock_timestamp() - interval '30 s' OR w.free AND t.running < w.pool) LIMIT 1
  ) n ON NOT coalesce(q.paused, false)
 WHERE t.ready > 0
UNION ALL
(SELECT DISTINCT ON (1) left(g.gate, 63), false, true, n.priority, n.seq, n.attempt, n.task_id, n.name, n.worker
  FROM gate g
 CROSS JOIN LATERAL drumbeat.gate_limit(g.gate) l
 CROSS JOIN LATERAL (
     SELECT f.priority, f.seq, f.attempt, f.task_id, b.name, w.worker
       FROM (SELECT * FROM drumbeat.gated x WHERE x.gate = g.gate ORDER BY x.priority, x.flow, x.seq LIMIT 1) f
       JOIN drumbeat.task_body b ON b.id = f.task_id
       JOIN live w ON w.free AND (w.queues IS NULL OR b.queue = ANY (w.queues)) AND b.name = ANY (w.names)
      WHERE NOT EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = b.queue COLLATE "C" AND q.paused) LIMIT 1
 ) n
 WHERE g.gate ~ '^(rate )?(key|handler|queue) '
   AND CASE WHEN starts_with(g.gate, 'rate ')
            THEN NOT EXISTS (SELECT FROM drumbeat.bucket b WHERE b.gate = g.gate AND least(b.free_at, clock_timestamp() + l.step) > clock_timestamp())
             AND NOT EXISTS (SELECT FROM drumbeat.slot s WHERE s.gate = g.gate) -- one that was called on waits at another gate
            ELSE l.slots IS NULL OR l.slots > (SELECT count(*) FROM drumbeat.slot s WHERE s.gate = g.gate) END)
 LIMIT $1::bigint
