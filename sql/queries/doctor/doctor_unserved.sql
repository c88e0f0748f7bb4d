-- One row: queues with ready tasks that no live worker serves, private ones of `drumbeat run` too, and how many tasks they hold.
SELECT coalesce(sum(tasks), 0) AS tasks, string_agg(queue, ', ' ORDER BY tasks DESC) AS queues
  FROM (SELECT r.queue, count(*) AS tasks FROM drumbeat.ready r
         WHERE NOT EXISTS (SELECT FROM drumbeat.worker w WHERE w.seen_at + w.lease >= clock_timestamp()
                              AND CASE WHEN w.queues IS NULL THEN NOT starts_with(r.queue, 'run.') ELSE r.queue = ANY (w.queues) END)
         GROUP BY r.queue ORDER BY count(*) DESC LIMIT 10) unserved
