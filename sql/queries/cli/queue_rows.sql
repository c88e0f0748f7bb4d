-- Every queue with what stands in it. `oldest_at` is when the task was made that is first in one of its lanes;
-- `limited` of those that wait do so at a limit; what is in Redis alone is told as a worker saw it last; what was sent to Celery waits until a worker tells that it started.
SELECT q.name, q.broker, q.protocol, q.rows, q.paused, coalesce(w.waiting, 0) + coalesce(g.limited, 0) + coalesce(x.waiting, 0) + coalesce(t.ready, 0) AS waiting, coalesce(g.limited, 0) AS limited, coalesce(d.delayed, 0) + coalesce(t.delayed, 0) AS delayed,
       coalesce(r.running, 0) + coalesce(x.running, 0) + coalesce(t.running, 0) AS running, coalesce(o.oldest_at, t.oldest_at) AS oldest_at, q.paused_reason, q.paused_by, q.paused_at
  FROM drumbeat.queue q
  LEFT JOIN (SELECT queue, count(*) AS waiting FROM drumbeat.ready GROUP BY queue) w ON w.queue = q.name
  LEFT JOIN (SELECT b.queue, count(*) AS limited FROM drumbeat.gated x JOIN drumbeat.task_body b ON b.id = x.task_id GROUP BY b.queue) g ON g.queue = q.name
  LEFT JOIN (SELECT b.queue, count(*) AS delayed FROM drumbeat.delayed x JOIN drumbeat.task_body b ON b.id = x.task_id GROUP BY b.queue) d ON d.queue = q.name
  LEFT JOIN (SELECT b.queue, count(*) AS running FROM drumbeat.running x JOIN drumbeat.task_body b ON b.id = x.task_id GROUP BY b.queue) r ON r.queue = q.name
  LEFT JOIN (SELECT queue, count(*) FILTER (WHERE started_at IS NULL) AS waiting, count(started_at) AS running FROM drumbeat.sent GROUP BY queue) x ON x.queue = q.name
  LEFT JOIN drumbeat.light_queue t ON t.name = q.name
  LEFT JOIN LATERAL (
      SELECT min(b.created_at) AS oldest_at
        FROM drumbeat.lane l,
             LATERAL (SELECT y.task_id FROM drumbeat.ready y WHERE y.queue = l.queue AND y.priority = l.priority AND y.flow = l.flow ORDER BY y.seq LIMIT 1) first
        JOIN drumbeat.task_body b ON b.id = first.task_id
       WHERE l.queue = q.name
  ) o ON true
 ORDER BY q.name
