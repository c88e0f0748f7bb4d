-- What must hold in every database, whatever was killed in it. A row each that breaks a rule: the rule's name and what breaks it, at
-- most 20 a rule. `over` asks for more: that nothing waits or runs any more.
-- $1 over
WITH place AS (
    SELECT task_id, 'ready' AS state, attempt AS counted, attempt < allowed AS attempts_left FROM drumbeat.ready
    UNION ALL SELECT task_id, 'delayed', attempt, attempt < allowed FROM drumbeat.delayed
    UNION ALL SELECT task_id, 'running', attempt - 1, attempt <= allowed FROM drumbeat.running
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
        OR EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = l.task_id)
    UNION ALL
    SELECT 'a live task holds its unique key', format('%s: %s', b.id, b.unique_key)
      FROM drumbeat.task_body b
     WHERE b.unique_key IS NOT NULL AND NOT EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = b.id)
       AND NOT EXISTS (SELECT FROM drumbeat.unique_lock l WHERE l.task_id = b.id)
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
    SELECT 'nothing waits or runs', format('%s: %s', p.task_id, p.state) FROM place p WHERE $1::boolean AND p.state IN ('ready', 'delayed', 'running')
    UNION ALL
    SELECT 'no cancel is left open', c.task_id::text FROM drumbeat.cancel_request c WHERE $1::boolean
    UNION ALL
    SELECT 'nobody holds a transaction open', format('%s: %s', a.application_name, a.query)
      FROM pg_stat_activity a
     WHERE $1::boolean AND a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.state LIKE 'idle in transaction%'
)
SELECT rule, what FROM (SELECT rule, what, row_number() OVER (PARTITION BY rule ORDER BY what) AS n FROM broken) b WHERE n <= 20 ORDER BY rule, what
