-- What limits hold. One row: rules; tasks that wait for a slot or for their turn; slots in use; slots of tasks that neither wait nor run; limits
-- with free slots at which tasks have waited for 10 s although a worker lives; rates at which the last of those that wait starts in more than a
-- day; rules that nothing is under: no such handler or queue, or a handler whose limit_by is not set. NULLs for lists that are empty.
WITH gate AS MATERIALIZED (
    SELECT g.gate, count(*) AS tasks, min(b.run_at) AS since
      FROM drumbeat.gated g JOIN drumbeat.task_body b ON b.id = g.task_id WHERE g.stage > 0 GROUP BY g.gate
), rule AS MATERIALIZED (
    SELECT g.*, l.slots, l.step, (SELECT count(*) FROM drumbeat.slot s WHERE s.gate = g.gate) AS used FROM gate g, drumbeat.gate_limit(g.gate) l
)
SELECT (SELECT count(*) FROM drumbeat.limit_rule) AS rules, (SELECT coalesce(sum(g.tasks), 0)::bigint FROM gate g) AS waiting, (SELECT count(*) FROM drumbeat.slot s WHERE s.stage > 3) AS held,
       (SELECT count(*) FROM drumbeat.slot s
         WHERE s.stage > 3 AND NOT EXISTS (SELECT FROM drumbeat.ready r WHERE r.task_id = s.task_id) AND NOT EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = s.task_id)
           AND NOT EXISTS (SELECT FROM drumbeat.gated r WHERE r.task_id = s.task_id)) AS orphans,
       (SELECT string_agg(format('%s (%s of %s in use, %s wait)', r.gate, r.used, r.slots, r.tasks), ', ' ORDER BY r.tasks DESC)
          FROM (SELECT * FROM rule WHERE NOT starts_with(gate, 'rate ') AND used < slots AND since < clock_timestamp() - interval '10 seconds' ORDER BY tasks DESC LIMIT 10) r
         WHERE EXISTS (SELECT FROM drumbeat.worker w WHERE w.seen_at + w.lease >= clock_timestamp())) AS closed,
       (SELECT string_agg(format('%s (%s wait, one each %s)', r.gate, r.tasks, r.step), ', ' ORDER BY r.tasks DESC)
          FROM (SELECT * FROM rule WHERE starts_with(gate, 'rate ') AND step * tasks > interval '1 day' ORDER BY tasks DESC LIMIT 10) r) AS slow,
       (SELECT string_agg(format('%s %s', r.kind, r.name), ', ' ORDER BY r.kind, r.name)
          FROM (SELECT r.kind, r.name FROM drumbeat.limit_rule r
                 WHERE CASE r.kind WHEN 'handler' THEN NOT EXISTS (SELECT FROM drumbeat.handler h WHERE h.name = r.name)
                                   WHEN 'keys' THEN NOT EXISTS (SELECT FROM drumbeat.handler h WHERE h.name = r.name AND h.limit_by IS NOT NULL)
                                   WHEN 'queue' THEN NOT EXISTS (SELECT FROM drumbeat.queue q WHERE q.name = r.name)
                                                     AND NOT EXISTS (SELECT FROM drumbeat.worker w WHERE r.name = ANY (w.queues))
                                                     AND NOT EXISTS (SELECT FROM drumbeat.schedule s WHERE s.queue = r.name)
                                                     AND NOT EXISTS (SELECT FROM drumbeat.task_body b WHERE b.queue = r.name)
                                   ELSE false END
                   AND (r.slots IS NULL OR r.slots < 1000000000 OR r.step IS NOT NULL)
                 ORDER BY r.kind, r.name LIMIT 10) r) AS unused
