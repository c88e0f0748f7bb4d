-- One row: queues with waiting tasks that no live worker serves, private ones of `drumbeat run` too, and how many tasks they hold.
SELECT coalesce(sum(tasks), 0)::bigint AS tasks, string_agg(queue, ', ' ORDER BY tasks DESC) AS queues
  FROM (SELECT t.queue, count(*) AS tasks
          FROM (SELECT r.queue FROM drumbeat.ready r
                UNION ALL
                SELECT split_part(g.gate, ' ', 2) FROM drumbeat.gated g WHERE g.gate > 'nobody ' AND g.gate < 'nobody!') t
         WHERE NOT EXISTS (SELECT FROM drumbeat.worker w WHERE w.seen_at + w.lease >= clock_timestamp()
                              AND CASE WHEN w.queues IS NULL THEN NOT starts_with(t.queue, 'run.') ELSE t.queue = ANY (w.queues) END)
         GROUP BY t.queue ORDER BY count(*) DESC LIMIT 10) unserved
