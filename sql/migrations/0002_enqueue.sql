-- The functions of the public contract: enqueue, enqueue_many, cancel, retry, pause, resume. They run as their owner, so that
-- a caller needs EXECUTE and nothing else.

-- Wake the workers that wait for tasks of this lane: there are some with a sequence number above `low` once this transaction
-- commits. At most once a lane and transaction (its first call knows the lowest number), and only when somebody waits: a worker
-- that starts to wait looks again until every transaction that could have missed its flag is over. A lane that was never used is told
-- to those who are busy too. `always` is for tasks that come back with an old number; priority NULL means every lane of the queue. Of many that
-- come back in one transaction those behind the first need no bell of their own.
CREATE FUNCTION drumbeat.ring(queue text, priority int, flow int, low bigint, always boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    lane  text := format('%s %s %s', queue, coalesce(priority::text, '*'), coalesce(flow, 0));
    rung  text := coalesce(current_setting('drumbeat.rung', true), '');
    back  text := coalesce(current_setting('drumbeat.rung_back', true), ''); -- ',lane=low' for each, the latest first
    place int := strpos(back, ',' || lane || '=');
    fresh boolean := false;
BEGIN
    IF always AND place > 0 AND low >= split_part(substr(back, place + length(lane) + 2), ',', 1)::bigint THEN
        RETURN;
    ELSIF always THEN
        PERFORM set_config('drumbeat.rung_back', format(',%s=%s', lane, low) || CASE WHEN length(back) < 8000 THEN back ELSE '' END, true);
    END IF;
    IF NOT always AND current_setting('drumbeat.held', true) <> '' THEN -- a child holds bells back: ring_held() decides
        PERFORM set_config('drumbeat.held', current_setting('drumbeat.held') || lane || ' ' || low || ',', true);
        RETURN;
    ELSIF NOT always THEN
        IF strpos(rung, ',' || lane || ',') > 0 THEN
            RETURN;
        END IF;
        PERFORM set_config('drumbeat.rung', right(rung, 8000) || ',' || lane || ',', true);
        IF NOT EXISTS (SELECT FROM drumbeat.lane l WHERE l.queue = ring.queue COLLATE "C" AND l.priority = ring.priority::smallint AND l.flow = ring.flow::smallint) THEN
            INSERT INTO drumbeat.lane (queue, priority, flow) VALUES (queue, priority, flow);
            fresh := true;
        END IF;
        IF NOT fresh AND NOT EXISTS (SELECT FROM drumbeat.worker w WHERE w.waiting AND (w.queues IS NULL OR queue = ANY (w.queues))) THEN
            RETURN;
        END IF;
    END IF;
    PERFORM pg_notify('drumbeat', 'ready ' || lane || ' ' || low);
END $$;

-- Everything that is tied to tasks only until they have ended: called for each that reaches a final status, in the transaction in which
-- it does and after its row of `ended` is written. `settle_plain` calls it for tasks with ties only (has_ties), and says that they succeeded.
-- A key that is just being taken over is left to who takes it: a settle never waits for a caller's transaction.
CREATE FUNCTION drumbeat.untie(ids uuid[], succeeded boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    tied record; -- by what; most tasks have few ties, and one look is cheaper than a delete each
BEGIN
    SELECT EXISTS (SELECT FROM drumbeat.unique_lock l WHERE l.task_id = ANY (ids)) AS by_key,
           EXISTS (SELECT FROM drumbeat.cancel_request c WHERE c.task_id = ANY (ids)) AS by_cancel,
           EXISTS (SELECT FROM drumbeat.batch_open o WHERE o.member_id = ANY (ids)) AS by_batch,
           EXISTS (SELECT FROM drumbeat.celery_message m WHERE m.task_id = ANY (ids)) AS by_message INTO tied;
    IF tied.by_key THEN
        DELETE FROM drumbeat.unique_lock l
         WHERE l.ctid = ANY (ARRAY(SELECT x.ctid FROM drumbeat.unique_lock x
                                    WHERE x.task_id = ANY (ids) AND (x.free_at IS NULL OR x.free_at <= clock_timestamp()) FOR UPDATE SKIP LOCKED));
    END IF;
    IF tied.by_cancel THEN
        DELETE FROM drumbeat.cancel_request c WHERE c.task_id = ANY (ids);
    END IF;
    IF tied.by_batch THEN
        PERFORM drumbeat.leave_batches(ids, succeeded);
    END IF;
    PERFORM drumbeat.release(ids);
    IF tied.by_message THEN
        PERFORM drumbeat.celery_note(ids, 'ended');
    END IF;
END $$;

-- Whether a task has ties that untie() must cut. (claim() knows of one that came through a gate.)
CREATE FUNCTION drumbeat.has_ties(body drumbeat.task_body) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT body.unique_key IS NOT NULL OR body.batch_id IS NOT NULL OR body.external_id IS NOT NULL
$$;

-- Refuse a value of the contract: SQLSTATE 22023.
CREATE FUNCTION drumbeat.refuse_unless(holds boolean, complaint text) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF NOT holds THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = complaint;
    END IF;
END $$;

-- Unique keys --------------------------------------------------------------------------------------------------------------

-- Whether a key's holder still holds it.
CREATE FUNCTION drumbeat.key_is_held(l drumbeat.unique_lock) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(l.free_at > clock_timestamp(), false)
        OR NOT (EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = l.task_id)
                OR l.until_start AND EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = l.task_id))
$$;

-- Take a key that somebody has: the holder's id, or NULL when it is `id`'s now. To replace a holder means that it ends when it waits, and that
-- it goes on without the key when it runs. Under the key's row lock, so that two who replace follow each other.
CREATE FUNCTION drumbeat.take_key(name text, key text, id uuid, mode text, until_start boolean, free_at timestamptz) RETURNS uuid LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    l drumbeat.unique_lock;
BEGIN
    LOOP
        INSERT INTO drumbeat.unique_lock (name, key, task_id, until_start, free_at) VALUES (name, key, id, until_start, free_at) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN NULL;
        END IF;
        SELECT * INTO l FROM drumbeat.unique_lock x WHERE x.name = take_key.name AND x.key = take_key.key;
        CONTINUE WHEN NOT FOUND;
        IF mode <> 'replace' AND l.task_id <> id AND drumbeat.key_is_held(l) THEN
            RETURN l.task_id;
        END IF;
        UPDATE drumbeat.unique_lock x
           SET task_id = id, until_start = take_key.until_start, free_at = CASE WHEN l.task_id = id THEN x.free_at ELSE take_key.free_at END
         WHERE x.name = take_key.name AND x.key = take_key.key AND x.task_id = l.task_id;
        IF FOUND THEN
            IF mode = 'replace' THEN
                PERFORM drumbeat.end_waiting(l.task_id, 'SKIPPED', format('replaced by %s', id));
            END IF;
            RETURN NULL;
        END IF;
    END LOOP;
END $$;

-- What an earlier call with this idempotency key was answered; NULL: `ids` are the first.
CREATE FUNCTION drumbeat.first_answer(scope text, key text, ids uuid[], lifetime interval) RETURNS uuid[] LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    answer uuid[];
BEGIN
    PERFORM drumbeat.refuse_unless(length(key) BETWEEN 1 AND 500, 'idempotency_key must be 1 to 500 characters');
    lifetime := coalesce(lifetime, interval '24 hours');
    PERFORM drumbeat.refuse_unless(lifetime > interval '0' AND lifetime <= interval '366 days', 'idempotency_ttl must be positive, at most 366 days');
    LOOP
        INSERT INTO drumbeat.idempotency AS i (scope, key, ids, expires_at) VALUES (scope, key, ids, clock_timestamp() + lifetime)
        ON CONFLICT ON CONSTRAINT idempotency_pkey DO UPDATE SET ids = excluded.ids, expires_at = excluded.expires_at
         WHERE i.expires_at <= clock_timestamp();
        IF FOUND THEN
            RETURN NULL;
        END IF;
        SELECT i.ids INTO answer FROM drumbeat.idempotency i WHERE i.scope = first_answer.scope AND i.key = first_answer.key;
        IF FOUND THEN
            RETURN answer;
        END IF;
    END LOOP;
END $$;

-- Enqueue one task for each element of `args` and return the ids in the same order. A task whose unique key is held is not
-- inserted; the holder's id stands in its place (unique_mode: 'return'), or NULL ('skip'), or the holder makes way ('replace'). A member of
-- a batch whose key is held is SKIPPED instead, under an id of its own: the batch counts it. What is not said of a member (tenant, created_by, each
-- of the headers) is as the batch has it.
CREATE FUNCTION drumbeat.enqueue_many(
    name text, args jsonb[], queue text DEFAULT NULL, priority int DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, max_attempts int DEFAULT NULL, unique_key text DEFAULT NULL, tenant text DEFAULT NULL,
    created_by text DEFAULT NULL, headers jsonb DEFAULT NULL, unique_keys text[] DEFAULT NULL,
    unique_mode text DEFAULT NULL, unique_until text DEFAULT NULL, unique_window interval DEFAULT NULL, idempotency_key text DEFAULT NULL,
    idempotency_ttl interval DEFAULT NULL, batch_id uuid DEFAULT NULL, parent_id uuid DEFAULT NULL, limit_key text DEFAULT NULL
) RETURNS SETOF uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    moment   timestamptz := clock_timestamp();
    total    int := coalesce(cardinality(args), 0);
    keys     text[] := unique_keys;
    ids      uuid[];
    answer   uuid[];
    fresh    boolean[];
    home     drumbeat.handler;
    conf     drumbeat.queue_state;
    flow     smallint;
    limited  boolean;
    due      boolean;
    low      bigint;
    i        int;
    last     int;
    earlier  uuid[];
    held     boolean := false;
    behind   int;
BEGIN
    IF name IS NULL OR length(name) NOT BETWEEN 1 AND 200 OR name ~ '[^[:graph:]]' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'name must be 1 to 200 characters without blanks';
    END IF;
    SELECT * INTO home FROM drumbeat.handler h WHERE h.name = enqueue_many.name COLLATE "C";
    queue := coalesce(queue, home.queue, 'default');
    priority := coalesce(priority, 5);
    max_attempts := coalesce(max_attempts, home.max_attempts, 3);
    due := run_at IS NULL OR run_at <= moment;
    limited := limit_key IS NOT NULL OR home.limit_by IS NOT NULL
        OR EXISTS (SELECT FROM drumbeat.limit_rule l WHERE (l.kind, l.name) IN (('handler', enqueue_many.name), ('queue', queue)));
    IF length(queue) NOT BETWEEN 1 AND 63 OR queue ~ '[^a-z0-9_.-]' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('queue %L is not 1 to 63 of a-z 0-9 _ . -', queue);
    ELSIF priority NOT BETWEEN 0 AND 9 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('priority %s is not between 0 and 9', priority);
    ELSIF max_attempts NOT BETWEEN 1 AND 1000 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('max_attempts %s is not between 1 and 1000', max_attempts);
    ELSIF run_at = 'infinity' OR NOT isfinite(coalesce(expires_at, moment)) THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'run_at and expires_at must be finite';
    ELSIF jsonb_typeof(headers) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'headers must be a JSON object';
    ELSIF length(limit_key) NOT BETWEEN 1 AND 500 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'a limit key must be 1 to 500 characters';
    ELSIF unique_key IS NOT NULL AND unique_keys IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'give unique_key or unique_keys, not both';
    ELSIF unique_keys IS NOT NULL AND cardinality(unique_keys) <> total THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('%s unique_keys for %s args', cardinality(unique_keys), total);
    ELSIF unique_mode NOT IN ('return', 'skip', 'replace') THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('unique_mode %L is not return, skip or replace', unique_mode);
    ELSIF unique_until NOT IN ('final', 'start') THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('unique_until %L is not final or start', unique_until);
    ELSIF unique_window NOT BETWEEN interval '0' AND interval '366 days' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'unique_window must be between 0 and 366 days';
    ELSIF EXISTS (SELECT FROM unnest(args) a WHERE jsonb_typeof(a) <> 'object') THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'args must be JSON objects';
    END IF;
    IF total = 0 THEN
        RETURN;
    END IF;
    SELECT * INTO conf FROM drumbeat.queue_state s WHERE s.name = queue COLLATE "C";
    IF conf.rows = 'failures' AND conf.protocol = 'native' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('queue %L is in Redis only (rows: failures): its tasks are enqueued there, not here', queue);
    END IF;

    IF unique_key IS NOT NULL THEN
        keys := array_fill(unique_key, ARRAY[total]);
    ELSIF keys IS NULL AND home.unique_by IS NOT NULL THEN
        keys := ARRAY(SELECT left(a.args ->> home.unique_by, 500) FROM unnest(args) WITH ORDINALITY a(args, place) ORDER BY a.place);
    END IF;
    ids := drumbeat.uuids_v7(total);
    moment := drumbeat.born(ids[1]);
    IF idempotency_key IS NOT NULL THEN
        earlier := drumbeat.first_answer(name, idempotency_key, ids, idempotency_ttl);
        IF earlier IS NOT NULL THEN
            RETURN QUERY SELECT unnest(earlier);
            RETURN;
        END IF;
    END IF;
    IF keys IS NOT NULL THEN
        answer := ids;
        fresh := array_fill(true, ARRAY[total]);
        -- In the order of the keys, so that two callers cannot wait for each other. Of equal ones in one call the first is the task, or, when it
        -- replaces what was before it, the last.
        FOR i IN SELECT k.place FROM unnest(keys) WITH ORDINALITY k(key, place) WHERE k.key IS NOT NULL
                  ORDER BY k.key, CASE WHEN unique_mode = 'replace' THEN -k.place ELSE k.place END LOOP
            IF length(keys[i]) NOT BETWEEN 1 AND 500 THEN
                RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'a unique key must be 1 to 500 characters';
            END IF;
            IF keys[i] = keys[last] THEN
                answer[i] := answer[last];
                fresh[i] := false;
            ELSE
                INSERT INTO drumbeat.unique_lock (name, key, task_id, until_start, free_at)
                VALUES (name, keys[i], ids[i], coalesce(unique_until = 'start', false), moment + unique_window) ON CONFLICT DO NOTHING;
                IF NOT FOUND THEN
                    answer[i] := coalesce(drumbeat.take_key(name, keys[i], ids[i], coalesce(unique_mode, 'return'),
                                                            coalesce(unique_until = 'start', false), moment + unique_window), ids[i]);
                    fresh[i] := answer[i] = ids[i];
                END IF;
                last := i;
            END IF;
            held := held OR NOT fresh[i];
        END LOOP;
    END IF;

    -- The transaction has its number before it takes a sequence number: that is what lets a worker know when no lower
    -- sequence number can appear any more.
    PERFORM pg_current_xact_id();
    IF batch_id IS NOT NULL THEN
        behind := drumbeat.join_batch(batch_id, total);
        SELECT coalesce(tenant, b.tenant), coalesce(created_by, b.created_by), coalesce(b.headers || headers, headers, b.headers)
          INTO tenant, created_by, headers FROM drumbeat.batch b WHERE b.id = batch_id;
    END IF;
    flow := drumbeat.flow_of(tenant);
    INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by, expires_at, tenant, unique_key,
                                    unique_until, headers, batch_id, batch_place, parent_id, limit_key)
    SELECT t.id, name, queue, coalesce(t.args, '{}'), priority, max_attempts, coalesce(run_at, moment),
           coalesce(created_by, session_user), expires_at, tenant, keys[t.place], unique_until, headers, batch_id, behind + t.place, parent_id,
           CASE WHEN limited THEN coalesce(limit_key, left(home.name || '/' || nullif(t.args ->> home.limit_by, ''), 500)) END
      FROM unnest(ids, args) WITH ORDINALITY t(id, args, place)
     WHERE fresh IS NULL OR fresh[t.place] OR batch_id IS NOT NULL;
    IF due AND (limited OR conf.protocol = 'celery') THEN
        PERFORM drumbeat.line_up_many(array_agg(t.id ORDER BY t.place), array_agg(0), array_agg(max_attempts))
           FROM unnest(ids) WITH ORDINALITY t(id, place) WHERE fresh IS NULL OR fresh[t.place];
    ELSIF due THEN
        low := nextval('drumbeat.ready_seq');
        INSERT INTO drumbeat.ready (queue, priority, flow, task_id, name, allowed)
        SELECT queue, priority, flow, t.id, name, max_attempts
          FROM unnest(ids) WITH ORDINALITY t(id, place)
         WHERE fresh IS NULL OR fresh[t.place];
        PERFORM drumbeat.ring(queue, priority, flow, low);
    ELSE
        INSERT INTO drumbeat.delayed (task_id, run_at, allowed)
        SELECT t.id, run_at, max_attempts
          FROM unnest(ids) WITH ORDINALITY t(id, place)
         WHERE fresh IS NULL OR fresh[t.place];
        PERFORM pg_notify('drumbeat', 'delayed');
    END IF;
    IF batch_id IS NOT NULL THEN
        PERFORM drumbeat.enter_batch(batch_id, behind, ids, answer, fresh);
        answer := ids;
    ELSIF held AND unique_mode = 'skip' THEN
        answer := ARRAY(SELECT CASE WHEN fresh[t.place] THEN t.id END FROM unnest(answer) WITH ORDINALITY t(id, place) ORDER BY t.place);
    END IF;
    IF held AND idempotency_key IS NOT NULL THEN
        UPDATE drumbeat.idempotency x SET ids = answer WHERE x.scope = name AND x.key = idempotency_key;
    END IF;
    RETURN QUERY SELECT unnest(coalesce(answer, ids));
END $$;

-- Enqueue one task and return its id, or the id of the task that holds the unique key (NULL with unique_mode 'skip'). (As an SQL function it
-- would be planned anew at each call.)
CREATE FUNCTION drumbeat.enqueue(
    name text, args jsonb DEFAULT '{}', queue text DEFAULT NULL, priority int DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, max_attempts int DEFAULT NULL, unique_key text DEFAULT NULL, tenant text DEFAULT NULL,
    created_by text DEFAULT NULL, headers jsonb DEFAULT NULL, unique_mode text DEFAULT NULL, unique_until text DEFAULT NULL,
    unique_window interval DEFAULT NULL, idempotency_key text DEFAULT NULL, idempotency_ttl interval DEFAULT NULL,
    batch_id uuid DEFAULT NULL, parent_id uuid DEFAULT NULL, limit_key text DEFAULT NULL
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    answer uuid;
BEGIN
    SELECT m.id INTO answer
      FROM drumbeat.enqueue_many(name, ARRAY[coalesce(args, '{}')], queue, priority, run_at, expires_at, max_attempts, unique_key, tenant,
                                 created_by, headers, NULL, unique_mode, unique_until, unique_window, idempotency_key, idempotency_ttl,
                                 batch_id, parent_id, limit_key) AS m(id);
    RETURN answer;
END $$;

-- Let a task wait for a worker. One that takes its old place again (`back`) is told to everybody: others may have looked past it.
CREATE FUNCTION drumbeat.make_ready(body drumbeat.task_body, seq bigint, attempt int, allowed int, back boolean DEFAULT false, limited boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    flow smallint := drumbeat.flow_of(body.tenant);
BEGIN
    IF drumbeat.goes_out(body.queue, body.id) THEN
        INSERT INTO drumbeat.sent (task_id, external_id, queue, seq, attempt, allowed)
        VALUES (body.id, coalesce(body.external_id, body.id::text), body.queue, seq, attempt, allowed);
        PERFORM pg_notify('drumbeat', 'outgoing');
        RETURN;
    END IF;
    INSERT INTO drumbeat.ready (queue, priority, flow, seq, task_id, name, attempt, allowed, limited)
    VALUES (body.queue, body.priority, flow, seq, body.id, body.name, attempt, allowed, limited);
    PERFORM drumbeat.ring(body.queue, body.priority, flow, seq - 1, always => back);
END $$;

-- The same, at its first gate when it has any.
CREATE FUNCTION drumbeat.line_up(body drumbeat.task_body, seq bigint, attempt int, allowed int, back boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    first record;
BEGIN
    SELECT * INTO first FROM drumbeat.next_gate(body, 0);
    IF first.gate IS NULL THEN
        PERFORM drumbeat.make_ready(body, seq, attempt, allowed, back);
        RETURN;
    END IF;
    INSERT INTO drumbeat.gated (gate, priority, flow, seq, task_id, stage, attempt, allowed)
    VALUES (first.gate, body.priority, CASE WHEN back THEN -1 ELSE drumbeat.flow_of(body.tenant) END, seq, body.id, first.stage, attempt, allowed);
    PERFORM drumbeat.ring_gates(ARRAY[first.gate]);
END $$;

-- End a task that waits, whatever it waits for. False: it does not wait.
CREATE FUNCTION drumbeat.end_waiting(id uuid, status text, why text) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    started integer;
BEGIN
    DELETE FROM drumbeat.ready r WHERE r.task_id = id RETURNING r.attempt INTO started;
    IF NOT FOUND THEN
        DELETE FROM drumbeat.delayed d WHERE d.task_id = id RETURNING d.attempt INTO started;
    END IF;
    IF NOT FOUND THEN
        DELETE FROM drumbeat.gated g WHERE g.task_id = id RETURNING g.attempt INTO started;
    END IF;
    IF NOT FOUND THEN
        DELETE FROM drumbeat.sent s WHERE s.task_id = id AND s.sent_at IS NULL RETURNING s.attempt INTO started;
    END IF;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO drumbeat.ended (task_id, status, attempt, ended_at, error) VALUES (id, status, started, clock_timestamp(), why);
    PERFORM drumbeat.untie(ARRAY[id]);
    RETURN true;
END $$;

-- Cancel a task: at once when it waits, else by asking its worker (cancel_request). False when it had ended, NULL when unknown.
CREATE FUNCTION drumbeat.cancel(id uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    -- A task can move while we look: look again until it was found somewhere.
    LOOP
        IF drumbeat.end_waiting(id, 'KILLED', format('cancelled by %s before it started', session_user)) THEN
            RETURN true;
        END IF;
        PERFORM FROM drumbeat.running r WHERE r.task_id = id UNION ALL SELECT FROM drumbeat.sent s WHERE s.task_id = id;
        IF FOUND THEN
            INSERT INTO drumbeat.cancel_request (task_id) VALUES (id) ON CONFLICT DO NOTHING;
            PERFORM pg_notify('drumbeat', 'cancel ' || id);
            RETURN true;
        END IF;
        PERFORM FROM drumbeat.ended e WHERE e.task_id = id;
        IF FOUND THEN
            RETURN false;
        END IF;
        PERFORM FROM drumbeat.task_body b WHERE b.id = cancel.id;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END LOOP;
END $$;

-- Queue a task again that ended as ERRORED, KILLED or SKIPPED: same row, history kept, as many attempts as at first. How it had ended goes to
-- its log. An expiry that is over is lifted: whoever retries the task wants it to run.
CREATE FUNCTION drumbeat.retry(id uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    body drumbeat.task_body;
    past drumbeat.ended;
BEGIN
    SELECT * INTO body FROM drumbeat.task_body b WHERE b.id = retry.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF body.batch_id IS NOT NULL AND NOT drumbeat.may_rejoin(body.batch_id) THEN
        RETURN false; -- its batch is being cancelled
    END IF;
    PERFORM FROM drumbeat.ended e WHERE e.task_id = retry.id AND e.status <> 'SUCCESS' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF body.unique_key IS NOT NULL AND drumbeat.take_key(body.name, body.unique_key, body.id, 'return', coalesce(body.unique_until = 'start', false), NULL) IS NOT NULL THEN
        RETURN false; -- another task holds the key now
    END IF;
    IF body.batch_id IS NOT NULL THEN
        PERFORM drumbeat.rejoin_batch(body.batch_id, body.id, body.batch_place);
    END IF;
    DELETE FROM drumbeat.cancel_request c WHERE c.task_id = retry.id;
    DELETE FROM drumbeat.ended e WHERE e.task_id = retry.id RETURNING * INTO past;
    INSERT INTO drumbeat.task_log (task_id, level, message)
    VALUES (id, 'info', format('queued again by %s; it was %s since %s%s', session_user, past.status, past.ended_at, ': ' || left(past.error, 500)));
    IF body.expires_at <= clock_timestamp() THEN
        UPDATE drumbeat.task_body b SET expires_at = NULL WHERE b.id = retry.id;
    END IF;
    IF body.schedule IS NOT NULL THEN -- it counts again for the schedule's overlap policy
        INSERT INTO drumbeat.schedule_open (schedule, task_id)
        SELECT s.name, body.id FROM drumbeat.schedule s WHERE s.name = body.schedule COLLATE "C" AND s.overlap <> 'allow'
        ON CONFLICT DO NOTHING;
    END IF;
    PERFORM drumbeat.line_up(body, nextval('drumbeat.ready_seq'), past.attempt, past.attempt + body.max_attempts);
    RETURN true;
END $$;

-- Nothing of a paused queue is claimed; what runs goes on. What is ready gives back its slots: other queues may wait for them.
CREATE FUNCTION drumbeat.pause(queue text, reason text DEFAULT NULL, author text DEFAULT session_user) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    PERFORM drumbeat.refuse_unless(queue ~ '^[a-z0-9_.-]{1,63}$' IS TRUE, 'queue must be 1 to 63 of a-z 0-9 _ . -');
    INSERT INTO drumbeat.queue_state AS q (name, paused, paused_reason, paused_by, paused_at)
    VALUES (queue, true, reason, coalesce(author, session_user), clock_timestamp())
    ON CONFLICT ON CONSTRAINT queue_state_pkey DO UPDATE
    SET paused = true, paused_reason = excluded.paused_reason, paused_by = excluded.paused_by, paused_at = excluded.paused_at;
    PERFORM drumbeat.put_outside(queue);
END $$;

CREATE FUNCTION drumbeat.resume(queue text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    PERFORM drumbeat.refuse_unless(queue ~ '^[a-z0-9_.-]{1,63}$' IS TRUE, 'queue must be 1 to 63 of a-z 0-9 _ . -');
    UPDATE drumbeat.queue_state q SET paused = false, paused_reason = NULL, paused_by = NULL, paused_at = NULL WHERE q.name = resume.queue;
    PERFORM drumbeat.ring(queue, NULL, 0, 0, always => true);
    PERFORM drumbeat.ring_gates(ARRAY['pause ' || queue]);
END $$;

-- A tenant's share of each queue, beside 1 for any other: takes effect within seconds.
CREATE FUNCTION drumbeat.set_weight(tenant text, weight int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    PERFORM drumbeat.refuse_unless(length(tenant) BETWEEN 1 AND 200 IS TRUE, 'tenant must be 1 to 200 characters');
    PERFORM drumbeat.refuse_unless(weight BETWEEN 1 AND 1000 IS TRUE, 'weight must be between 1 and 1000');
    INSERT INTO drumbeat.tenant AS t (name, weight) VALUES (tenant, weight)
    ON CONFLICT ON CONSTRAINT tenant_pkey DO UPDATE SET weight = excluded.weight;
END $$;
