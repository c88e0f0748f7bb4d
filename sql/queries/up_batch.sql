-- The batch that a task has enqueued and named in its result. $1 uuid task. One row: text state, bigint members, bigint how many have ended, timestamptz when it
-- ended (NULL: it has not), text what failed in it (NULL: nothing). No row: it has enqueued none.
SELECT b.state, b.total, b.success + b.errored + b.killed + b.skipped, b.ended_at,
       (SELECT concat_ws(' ', t.name, t.tenant, t.status || coalesce(': ' || t.error, ''))
          FROM drumbeat.batch_tree(b.id) g(id) JOIN drumbeat.task t ON t.batch_id = g.id
         WHERE t.status IN ('ERRORED', 'KILLED', 'SKIPPED') ORDER BY t.ended_at LIMIT 1)
  FROM drumbeat.task e JOIN drumbeat.batch_status b ON b.id = (e.result ->> 'batch')::uuid
 WHERE e.id = $1::uuid
