-- What stands in every queue, but for the private ones of `drumbeat run` and `bench`. A row each, at most $1 (bigint): queue, paused, tasks
-- ready, delayed, running, held back at a gate, and for how many seconds the longest-waiting task that is first in a lane could have run.
-- Cheap whatever waits: of each lane the first 10000 tasks are counted and of the rest 40 samples of 250 sequence numbers, spread evenly;
-- of delayed tasks the 10000 that are due soonest are counted. Of the first 500 gates the first 10000 tasks are counted; they are spread over
-- queues as 50 of them are.
WITH RECURSIVE lane(queue, priority, flow, seq) AS (
    (SELECT queue, priority, flow, seq FROM drumbeat.ready ORDER BY queue, priority, flow, seq LIMIT 1)
    UNION ALL
    SELECT n.queue, n.priority, n.flow, n.seq FROM lane l CROSS JOIN LATERAL (
        SELECT r.queue, r.priority, r.flow, r.seq FROM drumbeat.ready r WHERE (r.queue, r.priority, r.flow) > (l.queue, l.priority, l.flow)
         ORDER BY r.queue, r.priority, r.flow, r.seq LIMIT 1) n
), ready AS MATERIALIZED (
    SELECT l.queue,
           round(sum(s.tasks + coalesce(rest.tasks, 0)))::float8 AS tasks,
           max(extract(epoch FROM clock_timestamp() - f.since)) AS oldest
      FROM lane l
     CROSS JOIN LATERAL (
         SELECT count(*) AS tasks, max(x.seq) AS last
           FROM (SELECT r.seq FROM drumbeat.ready r
                  WHERE r.queue = l.queue AND r.priority = l.priority AND r.flow = l.flow AND r.seq >= l.seq ORDER BY r.seq LIMIT 10000) x) s
      LEFT JOIN LATERAL (
         SELECT sum(n.tasks * greatest(1, (t.seq - s.last) / 10000.0)) AS tasks
           FROM (SELECT r.seq FROM drumbeat.ready r WHERE r.queue = l.queue AND r.priority = l.priority AND r.flow = l.flow ORDER BY r.seq DESC LIMIT 1) t
          CROSS JOIN generate_series(s.last, t.seq - 1, greatest(250, (t.seq - s.last) / 40)) stripe(low)
          CROSS JOIN LATERAL (
              SELECT count(*) AS tasks FROM drumbeat.ready r
               WHERE r.queue = l.queue AND r.priority = l.priority AND r.flow = l.flow AND r.seq > stripe.low AND r.seq <= stripe.low + 250) n
          WHERE s.tasks = 10000) rest ON true
      LEFT JOIN LATERAL (
         SELECT greatest(b.run_at, CASE WHEN r.attempt > 0 THEN (SELECT max(a.ended_at) FROM drumbeat.past_attempt a WHERE a.task_id = r.task_id) END) AS since
           FROM drumbeat.ready r JOIN drumbeat.task_body b ON b.id = r.task_id
          WHERE r.queue = l.queue AND r.priority = l.priority AND r.flow = l.flow AND r.seq = l.seq) f ON true
     GROUP BY l.queue
), delayed AS MATERIALIZED (
    SELECT b.queue, count(*) AS tasks
      FROM (SELECT d.task_id FROM drumbeat.delayed d ORDER BY d.run_at LIMIT 10000) d JOIN drumbeat.task_body b ON b.id = d.task_id GROUP BY b.queue
), gate(gate) AS (
    (SELECT gate FROM drumbeat.gated ORDER BY gate LIMIT 1)
    UNION ALL
    SELECT n.gate FROM gate CROSS JOIN LATERAL (SELECT g.gate FROM drumbeat.gated g WHERE g.gate > gate.gate ORDER BY g.gate LIMIT 1) n
), gated AS MATERIALIZED (
    SELECT s.queue, round(sum(n.tasks * s.share))::float8 AS tasks
      FROM (SELECT gate FROM gate LIMIT 500) t
     CROSS JOIN LATERAL (SELECT count(*) AS tasks FROM (SELECT FROM drumbeat.gated g WHERE g.gate = t.gate LIMIT 10000) x) n
     CROSS JOIN LATERAL (
         SELECT b.queue, count(*) / sum(count(*)) OVER () AS share
           FROM (SELECT g.task_id FROM drumbeat.gated g WHERE g.gate = t.gate LIMIT 50) g JOIN drumbeat.task_body b ON b.id = g.task_id GROUP BY b.queue) s
     GROUP BY s.queue
), running AS MATERIALIZED (
    SELECT b.queue, count(*) AS tasks
      FROM (SELECT r.task_id FROM drumbeat.running r LIMIT 10000) r JOIN drumbeat.task_body b ON b.id = r.task_id GROUP BY b.queue
)
SELECT q.name, coalesce(s.paused, false) AS paused, coalesce(w.tasks, 0) AS ready, coalesce(d.tasks, 0) AS delayed, coalesce(r.tasks, 0) AS running,
       coalesce(g.tasks, 0) AS gated,
       greatest(coalesce(w.oldest, 0), 0)::float8 AS oldest
  FROM (SELECT 'default' AS name UNION SELECT queue FROM lane UNION SELECT queue FROM gated UNION SELECT queue FROM drumbeat.handler UNION SELECT name FROM drumbeat.queue_state) q
  LEFT JOIN drumbeat.queue_state s USING (name)
  LEFT JOIN ready w ON w.queue = q.name
  LEFT JOIN delayed d ON d.queue = q.name
  LEFT JOIN gated g ON g.queue = q.name
  LEFT JOIN running r ON r.queue = q.name
 WHERE NOT starts_with(q.name, 'run.')
 ORDER BY q.name LIMIT $1::bigint
