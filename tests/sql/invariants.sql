-- What must hold in every database, whatever was killed in it. A row each that breaks a rule: the rule's name and what breaks it, at
-- most 20 a rule. `over` asks for more: that nothing waits or runs any more.
-- $1 over
WITH place AS (
    SELECT task_id, 'ready' AS state, attempt AS counted, attempt < allowed AS attempts_left FROM drumbeat.ready
    UNION ALL SELECT task_id, 'gated', attempt, attempt < allowed FROM drumbeat.gated
    UNION ALL SELECT task_id, 'delayed', attempt, attempt < allowed FROM drumbeat.delayed
    UNION ALL SELECT task_id, 'running', attempt - 1, attempt <= allowed FROM drumbeat.running
    UNION ALL SELECT task_id, 'sent', attempt - (started_at IS NOT NULL)::int, true FROM drumbeat.sent
    UNION ALL SELECT task_id, status, attempt, true FROM drumbeat.ended
), counted AS (
    SELECT task_id, count(*) AS attempts, count(DISTINCT attempt) AS numbers, min(attempt) AS first, max(attempt) AS last
      FROM (SELECT task_id, attempt FROM drumbeat.past_attempt WHERE outcome NOT IN ('returned', 'snoozed')
            UNION ALL SELECT task_id, attempt FROM drumbeat.ended WHERE status = 'SUCCESS') a
     GROUP BY task_id
), run AS (
    SELECT task_id, fence, worker, started_at, ended_at FROM drumbeat.past_attempt
    UNION ALL SELECT task_id, fence, worker, started_at, ended_at FROM drumbeat.ended WHERE status = 'SUCCESS'
    UNION ALL SELECT task_id, fence, worker, started_at, NULL FROM drumbeat.running
), broken(rule, what) AS (
    SELECT 'a task is in exactly one state', format('%s: %s', b.id, coalesce(string_agg(p.state, ', '), 'nowhere'))
      FROM drumbeat.task_body b LEFT JOIN place p ON p.task_id = b.id GROUP BY b.id HAVING count(p.task_id) <> 1
    UNION ALL
    SELECT 'a state belongs to a task', format('%s: %s', p.task_id, p.state)
      FROM place p WHERE NOT EXISTS (SELECT FROM drumbeat.task_body b WHERE b.id = p.task_id)
    UNION ALL
    SELECT 'what runs is held by a seat', format('%s: seat %s of worker %s', r.task_id, r.seat, r.worker)
      FROM drumbeat.running r WHERE NOT EXISTS (SELECT FROM drumbeat.seat s WHERE s.worker = r.worker AND s.seat = r.seat)
    UNION ALL
    SELECT 'a unique key is held by a live task', format('%s %s: %s', l.name, l.key, l.task_id)
      FROM drumbeat.unique_lock l
     WHERE NOT EXISTS (SELECT FROM drumbeat.task_body b WHERE b.id = l.task_id AND b.name = l.name AND b.unique_key = l.key)
        OR (l.free_at IS NULL AND EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = l.task_id))
    UNION ALL
    SELECT 'a live task holds its unique key', format('%s: %s', b.id, b.unique_key)
      FROM drumbeat.task_body b
     WHERE b.unique_key IS NOT NULL AND NOT EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = b.id)
       AND NOT EXISTS (SELECT FROM drumbeat.unique_lock l WHERE l.task_id = b.id)
       AND NOT EXISTS (SELECT FROM drumbeat.task_body n -- one that replaced it while it ran
                        WHERE n.name = b.name AND n.unique_key = b.unique_key AND n.created_at >= b.created_at AND n.id <> b.id)
    UNION ALL
    SELECT 'a slot is held by a task that is ready, runs or waits at a later gate', format('%s: %s, %s', s.task_id, s.gate, coalesce(p.state, 'nowhere'))
      FROM drumbeat.slot s LEFT JOIN place p USING (task_id) LEFT JOIN drumbeat.gated g USING (task_id)
     WHERE s.stage > 3 AND (p.state IS NULL OR p.state NOT IN ('ready', 'running', 'gated', 'sent') OR g.stage <= s.stage)
    UNION ALL
    SELECT 'no gate has more slots in use than it has', format('%s: %s of %s', s.gate, count(*), l.slots)
      FROM drumbeat.slot s CROSS JOIN LATERAL drumbeat.gate_limit(s.gate) l
     WHERE s.stage > 3 AND NOT EXISTS (SELECT FROM drumbeat.lowered w WHERE w.gate = s.gate) GROUP BY s.gate, l.slots HAVING count(*) > l.slots
    UNION ALL
    SELECT 'no attempt is beyond those allowed', format('%s: %s, %s so far', p.task_id, p.state, p.counted)
      FROM place p WHERE NOT p.attempts_left
    UNION ALL
    SELECT 'attempts are told as often as they were charged', format('%s: %s, %s charged, %s told', p.task_id, p.state, p.counted, coalesce(c.attempts, 0))
      FROM place p LEFT JOIN counted c USING (task_id) WHERE p.counted <> coalesce(c.attempts, 0)
    UNION ALL
    SELECT 'attempts are numbered from 1', format('%s: %s attempts from %s to %s', task_id, attempts, first, last)
      FROM counted WHERE first <> 1 OR last <> attempts OR numbers <> attempts
    UNION ALL
    SELECT 'a fence belongs to one worker', format('fence %s: %s workers', fence, count(DISTINCT worker))
      FROM run WHERE fence IS NOT NULL GROUP BY fence HAVING count(DISTINCT worker) > 1
    UNION ALL
    SELECT 'attempts of a task do not overlap', format('%s: fence %s starts %s, the one before ended %s', task_id, fence, started_at, before)
      FROM (SELECT task_id, fence, started_at, lag(ended_at) OVER (PARTITION BY task_id ORDER BY started_at, fence) AS before
            FROM run WHERE started_at IS NOT NULL) r
     WHERE started_at < before
    UNION ALL
    SELECT 'an attempt ends after it starts', format('%s: fence %s from %s to %s', task_id, fence, started_at, ended_at)
      FROM run WHERE ended_at < started_at
    UNION ALL
    SELECT 'a task starts after it was enqueued', format('%s: enqueued %s, fence %s started %s', r.task_id, b.created_at, r.fence, r.started_at)
      FROM run r JOIN drumbeat.task_body b ON b.id = r.task_id WHERE r.started_at < b.created_at
    UNION ALL
    SELECT 'an ending is complete', format('%s: %s', e.task_id, e.status)
      FROM drumbeat.ended e
     WHERE CASE e.status WHEN 'SUCCESS' THEN e.started_at IS NULL OR e.fence IS NULL OR e.error IS NOT NULL
                         WHEN 'ERRORED' THEN e.started_at IS NULL OR e.error IS NULL
                         ELSE false END
    UNION ALL
    SELECT 'an effect happens once', format('%s: %s times', task_id, count(*)) FROM drumbeat.trial_effect GROUP BY task_id HAVING count(*) > 1
    UNION ALL
    SELECT 'an effect comes with a success', format('%s: attempt %s', t.task_id, t.attempt)
      FROM drumbeat.trial_effect t
     WHERE NOT EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = t.task_id AND e.status = 'SUCCESS' AND e.attempt = t.attempt)
    UNION ALL
    SELECT 'a success comes with its effect', e.task_id::text
      FROM drumbeat.ended e JOIN drumbeat.task_body b ON b.id = e.task_id
     WHERE b.name = 'effect' AND e.status = 'SUCCESS' AND NOT EXISTS (SELECT FROM drumbeat.trial_effect t WHERE t.task_id = e.task_id)
    UNION ALL
    SELECT 'a log line belongs to a task', format('line %s: %s', l.id, l.task_id)
      FROM drumbeat.task_log l WHERE NOT EXISTS (SELECT FROM drumbeat.task_body b WHERE b.id = l.task_id)
    UNION ALL
    SELECT 'a tick has one task', format('%s at %s', t.schedule, t.tick_at)
      FROM drumbeat.tick t
     WHERE NOT EXISTS (SELECT FROM drumbeat.task_body b WHERE b.id = t.task_id AND b.schedule = t.schedule AND b.tick_at = t.tick_at)
    UNION ALL
    SELECT 'a task of a schedule has its tick', format('%s: %s at %s', b.id, b.schedule, b.tick_at)
      FROM drumbeat.task_body b
     WHERE b.schedule IS NOT NULL AND NOT EXISTS (SELECT FROM drumbeat.tick t WHERE t.task_id = b.id AND t.schedule = b.schedule AND t.tick_at = b.tick_at)
    UNION ALL
    SELECT 'an open member has not ended', format('%s of batch %s', o.member_id, o.batch_id)
      FROM drumbeat.batch_open o
     WHERE EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = o.member_id) OR EXISTS (SELECT FROM drumbeat.batch b WHERE b.id = o.member_id AND b.ended_at IS NOT NULL)
        OR NOT EXISTS (SELECT FROM drumbeat.batch b WHERE b.id = o.batch_id AND b.ended_at IS NULL)
    UNION ALL
    SELECT 'a live member is open', format('%s of batch %s', b.id, b.batch_id)
      FROM drumbeat.task_body b
     WHERE b.batch_id IS NOT NULL AND NOT EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = b.id)
       AND NOT EXISTS (SELECT FROM drumbeat.batch_open o WHERE o.member_id = b.id)
    UNION ALL
    SELECT 'a live batch in a batch is open', format('%s of batch %s', b.id, b.parent_id)
      FROM drumbeat.batch b
     WHERE b.parent_id IS NOT NULL AND b.ended_at IS NULL AND NOT EXISTS (SELECT FROM drumbeat.batch_open o WHERE o.member_id = b.id)
    UNION ALL
    SELECT 'a member failed that did not succeed', format('%s of batch %s', m.id, m.batch_id)
      FROM (SELECT b.id, b.batch_id, e.status = 'SUCCESS' AS won FROM drumbeat.task_body b JOIN drumbeat.ended e ON e.task_id = b.id WHERE b.batch_id IS NOT NULL
            UNION ALL SELECT b.id, b.parent_id, b.outcome = 'success' FROM drumbeat.batch b WHERE b.parent_id IS NOT NULL AND b.ended_at IS NOT NULL) m
     WHERE m.won = EXISTS (SELECT FROM drumbeat.batch_failed f WHERE f.member_id = m.id)
    UNION ALL
    SELECT 'the outcome of a batch is that of its members', format('%s: %s', b.id, b.outcome)
      FROM drumbeat.batch b
     WHERE b.outcome = 'success' AND (EXISTS (SELECT FROM drumbeat.batch_failed f WHERE f.batch_id = b.id) OR b.total <> jsonb_array_length(b.steps))
        OR b.outcome = 'failed' AND b.error IS NULL AND NOT EXISTS (SELECT FROM drumbeat.batch_failed f WHERE f.batch_id = b.id)
    UNION ALL
    SELECT 'a batch has as many members as it counts', format('%s: %s, %s counted', b.id, coalesce(m.members, 0), b.total)
      FROM drumbeat.batch b
      LEFT JOIN (SELECT x.id, count(*) AS members
                   FROM (SELECT t.batch_id AS id FROM drumbeat.task_body t UNION ALL SELECT c.parent_id FROM drumbeat.batch c) x GROUP BY x.id) m ON m.id = b.id
     WHERE coalesce(m.members, 0) <> b.total
    UNION ALL
    SELECT 'a step of a chain is started once', format('%s: step %s', m.batch_id, m.place)
      FROM (SELECT t.batch_id, t.batch_place AS place FROM drumbeat.task_body t WHERE t.batch_id IS NOT NULL
            UNION ALL SELECT c.parent_id, c.place FROM drumbeat.batch c WHERE c.parent_id IS NOT NULL) m
      JOIN drumbeat.batch b ON b.id = m.batch_id AND b.kind = 'chain'
     GROUP BY m.batch_id, m.place HAVING count(*) > 1
    UNION ALL
    SELECT 'a callback is called once', format('%s: %s tasks and batches', c.batch_id, count(*))
      FROM (SELECT t.parent_id AS batch_id, t.id FROM drumbeat.task_body t JOIN drumbeat.batch b ON b.id = t.parent_id
            UNION ALL SELECT x.cause_id, x.id FROM drumbeat.batch x WHERE x.cause_id IS NOT NULL) c
      JOIN drumbeat.batch b ON b.id = c.batch_id
     GROUP BY c.batch_id, b.called
    HAVING count(*) <> (SELECT count(*) FROM jsonb_each(b.called) v WHERE v.value <> 'null') OR bool_or(NOT b.called::text LIKE '%' || c.id || '%')
    UNION ALL
    SELECT 'what was called is there', format('%s: %s', b.id, b.called)
      FROM drumbeat.batch b CROSS JOIN LATERAL jsonb_each_text(b.called) v
     WHERE v.value IS NOT NULL AND NOT EXISTS (SELECT FROM drumbeat.task_body t WHERE t.id = v.value::uuid AND t.parent_id = b.id)
       AND NOT EXISTS (SELECT FROM drumbeat.batch x WHERE x.id = v.value::uuid AND x.cause_id = b.id)
    UNION ALL
    SELECT 'a batch that has ended has called back', format('%s: %s, called %s', b.id, b.outcome, b.called)
      FROM drumbeat.batch b CROSS JOIN LATERAL jsonb_object_keys(b.callbacks) k(name)
     WHERE b.ended_at IS NOT NULL AND NOT b.called ? k.name
       AND (k.name = 'on_always' OR k.name = 'on_success' AND b.outcome = 'success' OR k.name = 'on_failure' AND b.outcome = 'failed')
    UNION ALL
    SELECT 'no batch is left open', format('%s: %s', b.id, b.kind) FROM drumbeat.batch b WHERE $1::boolean AND b.ended_at IS NULL
    UNION ALL
    SELECT 'no batch is left to decide', d.batch_id::text FROM drumbeat.batch_due d
     WHERE $1::boolean AND EXISTS (SELECT FROM drumbeat.batch b WHERE b.id = d.batch_id AND b.ended_at IS NULL)
    UNION ALL
    SELECT 'nothing waits or runs', format('%s: %s', p.task_id, p.state) FROM place p WHERE $1::boolean AND p.state IN ('ready', 'gated', 'delayed', 'running')
    UNION ALL
    SELECT 'no cancel is left open', c.task_id::text FROM drumbeat.cancel_request c WHERE $1::boolean
    UNION ALL
    SELECT 'nobody holds a transaction open', format('%s: %s', a.application_name, a.query)
      FROM pg_stat_activity a
     WHERE $1::boolean AND a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.state LIKE 'idle in transaction%'
)
SELECT rule, what FROM (SELECT rule, what, row_number() OVER (PARTITION BY rule ORDER BY what) AS n FROM broken) b WHERE n <= 20 ORDER BY rule, what
