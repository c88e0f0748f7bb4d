-- Tasks that workers of Celery run. One that becomes ready in a queue that speaks Celery's protocol is `sent` instead:
--
--    (becomes ready) --> sent, no sent_at --push--> sent --reported: started, progress, retry--> sent
--                              |                     |------- lost by Redis: sent again, or ready when it came as a message (celery_lost)
--                              |                     |------- reported: success, failure, revoked, expired --------> ended
--                              `-- cancel: ended     |------- taken back (unsend): cancelled before anybody took it -> ended
--                                                    `------- a worker of our own takes the message (take_sent) -----> ready
--
-- Whoever pushes holds the rows' locks meanwhile: what is rolled back is pushed again, and the push itself knows what it pushed.

-- Whether a task that becomes ready is to be sent. One that came as a message is not sent back.
CREATE FUNCTION drumbeat.goes_out(queue text, id uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = goes_out.queue COLLATE "C" AND q.protocol = 'celery') THEN
        RETURN false;
    END IF;
    RETURN NOT EXISTS (SELECT FROM drumbeat.celery_message m WHERE m.task_id = goes_out.id);
END $$;

-- Up to `most` tasks to be pushed now, in order, marked as sent by this transaction. Those that may not start any more end here instead.
CREATE FUNCTION drumbeat.take_outgoing(most int)
RETURNS TABLE (external_id text, seq bigint, name text, queue text, args text, priority int, expires_at timestamptz, headers text, parent_id uuid,
               tenant text, schedule text)
LANGUAGE plpgsql SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    late uuid[];
BEGIN
    WITH picked AS MATERIALIZED (
        SELECT s.task_id, s.attempt FROM drumbeat.sent s
         WHERE s.sent_at IS NULL AND NOT EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = s.queue AND q.paused)
         ORDER BY s.seq LIMIT most FOR UPDATE SKIP LOCKED
    ), expired AS (
        DELETE FROM drumbeat.sent s USING picked p, drumbeat.task_body b
         WHERE s.task_id = p.task_id AND b.id = p.task_id AND b.expires_at <= clock_timestamp() RETURNING s.task_id, s.attempt
    ), ended AS (
        INSERT INTO drumbeat.ended (task_id, status, attempt, ended_at, error)
        SELECT x.task_id, 'SKIPPED', x.attempt, clock_timestamp(), 'expired before it was sent' FROM expired x
        RETURNING task_id
    )
    SELECT array_agg(e.task_id) INTO late FROM ended e;
    IF late IS NOT NULL THEN
        PERFORM drumbeat.untie(late);
    END IF;
    RETURN QUERY
    WITH picked AS MATERIALIZED (
        SELECT s.ctid AS tid, s.seq FROM drumbeat.sent s
         WHERE s.sent_at IS NULL AND NOT EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = s.queue AND q.paused)
         ORDER BY s.seq LIMIT most FOR UPDATE SKIP LOCKED
    ), marked AS (
        UPDATE drumbeat.sent s SET sent_at = clock_timestamp() WHERE s.ctid = ANY (ARRAY(SELECT p.tid FROM picked p)) RETURNING s.task_id, s.external_id, s.seq
    )
    SELECT m.external_id, m.seq, b.name, b.queue, b.args::text, b.priority::int, b.expires_at, b.headers::text, b.parent_id, b.tenant, b.schedule
      FROM marked m JOIN drumbeat.task_body b ON b.id = m.task_id ORDER BY m.seq;
END $$;

-- What a worker of Celery, or its result backend, tells of a task: started, progress, retry, success, failure, revoked, expired.
CREATE TYPE drumbeat.celery_told AS (
    external_id text,
    what     text,
    result   jsonb,
    error    text,
    host     text,
    pid      int,
    value    bigint,
    total    bigint,
    message  text,
    at       timestamptz -- NULL: now
);

-- It ended: the only place where a sent task reaches a final status.
CREATE FUNCTION drumbeat.end_sent(s drumbeat.sent, t drumbeat.celery_told) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    final   text := CASE t.what WHEN 'success' THEN 'SUCCESS' WHEN 'failure' THEN 'ERRORED' WHEN 'expired' THEN 'SKIPPED' ELSE 'KILLED' END;
    -- Nobody says that a task has started unless Celery is told to track it: what it did, it did in an attempt that began after it was sent.
    started int := s.attempt + (s.started_at IS NULL AND t.what IN ('success', 'failure'))::int;
    since   timestamptz := CASE WHEN t.what IN ('success', 'failure') THEN coalesce(s.started_at, s.sent_at) ELSE s.started_at END;
    ended   timestamptz := least(greatest(t.at, coalesce(s.started_at, s.sent_at)), clock_timestamp());
    number  bigint := nextval('drumbeat.fence_seq');
BEGIN
    DELETE FROM drumbeat.sent x WHERE x.task_id = s.task_id;
    DELETE FROM drumbeat.celery_message m WHERE m.task_id = s.task_id; -- it came as a message, and others have taken that back
    IF final <> 'SUCCESS' AND started > 0 AND (s.started_at IS NOT NULL OR t.what = 'failure') THEN
        INSERT INTO drumbeat.past_attempt (task_id, attempt, fence, pid, started_at, ended_at, outcome, error)
        VALUES (s.task_id, started, number, s.pid, since, ended, CASE final WHEN 'ERRORED' THEN 'failed' ELSE 'cancelled' END, t.error);
    END IF;
    INSERT INTO drumbeat.ended (task_id, status, attempt, fence, pid, started_at, ended_at, progress_value, end_value, progress_message, result, error)
    VALUES (s.task_id, final, started, CASE WHEN final = 'SUCCESS' THEN number END, s.pid, since, ended, s.progress_value, s.end_value,
            s.progress_message, CASE final WHEN 'SUCCESS' THEN nullif(t.result, 'null') END, CASE final WHEN 'SUCCESS' THEN NULL ELSE t.error END);
    PERFORM drumbeat.untie(ARRAY[s.task_id], final = 'SUCCESS');
END $$;

-- Write what was told. Told twice is told once; of tasks that were not sent, or have ended, nothing is written. Answers how many rows moved.
CREATE FUNCTION drumbeat.celery_report(told drumbeat.celery_told[]) RETURNS int LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    s     drumbeat.sent;
    t     drumbeat.celery_told;
    moved int := 0;
BEGIN
    -- In one order, so that two who were told the same do not wait for each other.
    PERFORM FROM drumbeat.sent x WHERE x.external_id = ANY (ARRAY(SELECT y.external_id FROM unnest(told) y)) ORDER BY x.task_id FOR UPDATE;
    FOREACH t IN ARRAY coalesce(told, '{}') LOOP
        SELECT * INTO s FROM drumbeat.sent x WHERE x.external_id = t.external_id COLLATE "C" AND x.sent_at IS NOT NULL;
        CONTINUE WHEN NOT FOUND;
        IF t.what = 'retry' THEN
            CONTINUE WHEN s.started_at IS NULL;
            INSERT INTO drumbeat.past_attempt (task_id, attempt, fence, pid, started_at, ended_at, outcome, error)
            VALUES (s.task_id, s.attempt, nextval('drumbeat.fence_seq'), s.pid, s.started_at, clock_timestamp(), 'failed', t.error);
            UPDATE drumbeat.sent x SET started_at = NULL, progress_value = 0, end_value = 0, progress_message = left(t.error, 500) WHERE x.task_id = s.task_id;
        ELSIF t.what IN ('started', 'progress') THEN
            CONTINUE WHEN s.started_at IS NOT NULL AND t.what = 'started';
            CONTINUE WHEN s.started_at IS NOT NULL AND coalesce(t.value, 0) <= s.progress_value AND coalesce(t.total, s.end_value) = s.end_value
                      AND coalesce(t.message, s.progress_message) IS NOT DISTINCT FROM s.progress_message;
            UPDATE drumbeat.sent x
               SET started_at = coalesce(s.started_at, clock_timestamp()), attempt = s.attempt + (s.started_at IS NULL)::int,
                   host = coalesce(t.host, s.host), pid = coalesce(t.pid, s.pid), progress_value = greatest(s.progress_value, t.value),
                   end_value = coalesce(t.total, s.end_value), progress_message = coalesce(t.message, CASE WHEN s.started_at IS NOT NULL THEN s.progress_message END)
             WHERE x.task_id = s.task_id;
        ELSE
            PERFORM drumbeat.end_sent(s, t);
        END IF;
        moved := moved + 1;
    END LOOP;
    RETURN moved;
END $$;

-- The message was taken out of its queue before anybody had it: the task ends as cancelled.
CREATE FUNCTION drumbeat.unsend(external text) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    s drumbeat.sent;
BEGIN
    SELECT * INTO s FROM drumbeat.sent x WHERE x.external_id = external COLLATE "C" FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM drumbeat.end_sent(s, (s.external_id, 'revoked', NULL, 'cancelled before it started', NULL, NULL, NULL, NULL, NULL, NULL)::drumbeat.celery_told);
    RETURN true;
END $$;

-- A worker of ours took the message, whose row in celery_message is there already: the task is ready here. False: it was not sent.
CREATE FUNCTION drumbeat.take_sent(id uuid) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    s    drumbeat.sent;
    body drumbeat.task_body;
BEGIN
    DELETE FROM drumbeat.sent x WHERE x.task_id = id RETURNING * INTO s;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT * INTO body FROM drumbeat.task_body b WHERE b.id = take_sent.id;
    PERFORM drumbeat.make_ready(body, s.seq, s.attempt - (s.started_at IS NOT NULL)::int, s.allowed, back => true,
                                limited => EXISTS (SELECT FROM drumbeat.slot x WHERE x.task_id = take_sent.id));
    RETURN true;
END $$;

-- The other way round: a message that this side held was taken back and is somebody else's now. False: the task does not wait, it runs or has
-- ended here.
CREATE FUNCTION drumbeat.send_away(id uuid) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    body drumbeat.task_body;
    past record;
BEGIN
    WITH waits AS (
        DELETE FROM drumbeat.ready r WHERE r.task_id = send_away.id RETURNING r.attempt, r.allowed
    ), later AS (
        DELETE FROM drumbeat.delayed d WHERE d.task_id = send_away.id RETURNING d.attempt, d.allowed
    ), limited AS (
        DELETE FROM drumbeat.gated g WHERE g.task_id = send_away.id RETURNING g.attempt, g.allowed
    )
    SELECT x.* INTO past FROM (SELECT * FROM waits UNION ALL SELECT * FROM later UNION ALL SELECT * FROM limited) x;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT * INTO body FROM drumbeat.task_body b WHERE b.id = send_away.id;
    INSERT INTO drumbeat.sent (task_id, external_id, queue, attempt, allowed, sent_at)
    VALUES (body.id, coalesce(body.external_id, body.id::text), body.queue, past.attempt, past.allowed, clock_timestamp());
    RETURN true;
END $$;

-- Redis has lost these messages before anybody took them; each is named by its id and its place. What came as a message is ready here, the
-- rest waits to be sent again. Answers how many.
CREATE FUNCTION drumbeat.celery_lost(ids text[], seqs bigint[]) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    s     record;
    count int := 0;
BEGIN
    FOR s IN SELECT x.task_id FROM drumbeat.sent x JOIN unnest(ids, seqs) l(id, seq) ON x.external_id = l.id COLLATE "C" AND x.seq = l.seq
              WHERE x.sent_at IS NOT NULL AND x.started_at IS NULL AND NOT x.taken ORDER BY x.task_id FOR UPDATE OF x LOOP
        IF EXISTS (SELECT FROM drumbeat.celery_message m WHERE m.task_id = s.task_id) THEN
            PERFORM drumbeat.take_sent(s.task_id);
        ELSE
            UPDATE drumbeat.sent x SET sent_at = NULL, seq = nextval('drumbeat.ready_seq') WHERE x.task_id = s.task_id;
        END IF;
        count := count + 1;
    END LOOP;
    IF count > 0 THEN
        PERFORM pg_notify('drumbeat', 'outgoing');
    END IF;
    RETURN count;
END $$;

-- Tasks of which nobody has told anything for so long that nobody will: their result was to be ignored, or is lost.
CREATE FUNCTION drumbeat.give_up_sent(patience interval, most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    s     drumbeat.sent;
    count int := 0;
BEGIN
    FOR s IN SELECT * FROM drumbeat.sent x WHERE coalesce(x.started_at, x.sent_at) < clock_timestamp() - patience LIMIT most FOR UPDATE SKIP LOCKED LOOP
        PERFORM drumbeat.end_sent(s, (s.external_id, 'failure', NULL, format('sent to queue %s of Celery; no outcome was told within %s', s.queue, patience),
                                      NULL, NULL, NULL, NULL, NULL, NULL)::drumbeat.celery_told);
        count := count + 1;
    END LOOP;
    RETURN count;
END $$;

REVOKE ALL ON FUNCTION drumbeat.goes_out, drumbeat.take_outgoing, drumbeat.end_sent, drumbeat.celery_report, drumbeat.unsend, drumbeat.take_sent,
                       drumbeat.send_away, drumbeat.celery_lost, drumbeat.give_up_sent FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.goes_out, drumbeat.take_outgoing, drumbeat.end_sent, drumbeat.celery_report, drumbeat.unsend, drumbeat.take_sent,
                                  drumbeat.send_away, drumbeat.celery_lost, drumbeat.give_up_sent TO drumbeat_work;
    END IF;
END $$;
