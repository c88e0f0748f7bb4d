-- One row: seconds for which the first task of some lane has waited, and its queue; paused queues left out. NULLs: nothing waits.
SELECT extract(epoch FROM clock_timestamp() - min(b.run_at))::bigint AS seconds, (array_agg(b.queue ORDER BY b.run_at))[1] AS queue
  FROM drumbeat.queue q JOIN drumbeat.lane l ON l.queue = q.name,
       LATERAL (SELECT r.task_id FROM drumbeat.ready r WHERE r.queue = l.queue AND r.priority = l.priority AND r.flow = l.flow ORDER BY r.seq LIMIT 1) first
  JOIN drumbeat.task_body b ON b.id = first.task_id
 WHERE NOT q.paused
