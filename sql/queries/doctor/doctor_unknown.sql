-- One row: tasks that wait and whose handler no live worker has, and their names.
SELECT coalesce(sum(tasks), 0)::bigint AS tasks, string_agg(name, ', ' ORDER BY tasks DESC) AS names
  FROM (SELECT t.name, count(*) AS tasks
          FROM (SELECT r.name FROM drumbeat.ready r
                UNION ALL
                SELECT split_part(g.gate, ' ', 3) FROM drumbeat.gated g WHERE g.gate > 'nobody ' AND g.gate < 'nobody!') t
         WHERE NOT EXISTS (SELECT FROM drumbeat.worker w WHERE t.name = ANY (w.names) AND w.seen_at + w.lease >= clock_timestamp())
         GROUP BY t.name ORDER BY count(*) DESC LIMIT 10) unknown
