-- One row: tasks that are ready and whose handler no live worker has, and their names.
SELECT coalesce(sum(tasks), 0) AS tasks, string_agg(name, ', ' ORDER BY tasks DESC) AS names
  FROM (SELECT r.name, count(*) AS tasks FROM drumbeat.ready r
         WHERE NOT EXISTS (SELECT FROM drumbeat.worker w WHERE r.name = ANY (w.names) AND w.seen_at + w.lease >= clock_timestamp())
         GROUP BY r.name ORDER BY count(*) DESC LIMIT 10) unknown
