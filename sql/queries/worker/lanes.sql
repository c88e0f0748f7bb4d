-- The lanes that were ever used, with the weight of their flow: a row each. Whatever waits, waits in one of them.
-- $1 text[] queues or NULL for all but the private ones of `drumbeat run` and `bench`
SELECT DISTINCT l.queue, l.priority, l.flow, coalesce(t.weight, 1) AS weight
  FROM drumbeat.lane l
  LEFT JOIN (SELECT drumbeat.flow_of(name) AS flow, max(weight) AS weight FROM drumbeat.tenant GROUP BY 1) t ON t.flow = l.flow
 WHERE CASE WHEN $1::text[] IS NULL THEN NOT starts_with(l.queue, 'run.') ELSE l.queue = ANY ($1::text[]) END
 ORDER BY l.queue, l.priority, l.flow LIMIT 10000
