-- What workers call. Every function that writes for a seat first locks the seat's row and compares its epoch: SQLSTATE
-- DBF01 says that the seat was taken away and that nothing was written. A seat is taken away by raising its epoch, which
-- waits for a write under way; whatever the old holder sends later finds another epoch.

CREATE FUNCTION drumbeat.hold_seat(worker uuid, seat int, epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    PERFORM FROM drumbeat.seat s WHERE s.worker = hold_seat.worker AND s.seat = hold_seat.seat::smallint AND s.epoch = hold_seat.epoch FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'DBF01', MESSAGE = format('seat %s of worker %s was taken away', seat, worker);
    END IF;
END $$;

-- Refuse, as hold_seat() does, for one that has nothing to write: no row lock, so no log record to wait for.
CREATE FUNCTION drumbeat.check_seat(worker uuid, seat int, epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM drumbeat.seat s WHERE s.worker = check_seat.worker AND s.seat = check_seat.seat::smallint AND s.epoch = check_seat.epoch) THEN
        PERFORM drumbeat.hold_seat(worker, seat, epoch);
    END IF;
END $$;

-- Whether an attempt at the task ended with its process. Not SQL, so that a claim prepares the look at the history only when it looks.
CREATE FUNCTION drumbeat.has_died(task_id uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM drumbeat.past_attempt p WHERE p.task_id = has_died.task_id AND p.died);
END $$;

-- Claim up to `wanted` tasks whose handler is in `names` from the lanes given, in the order given: at most its quota from each, right of
-- its cursor. A claim of one is marked as started. `last`, of the last of as many as were wanted: its lane has nothing more. Planner
-- settings: these tables change from empty to millions of rows between two looks of ANALYZE, and only the index order is ever right.
-- One statement for all: what a claim of one costs is mostly the beginning of statements.
CREATE FUNCTION drumbeat.claim(worker uuid, seat int, epoch bigint, pid int, lane_queues text[], lane_priorities int[], lane_flows int[],
                               cursors bigint[], quotas int[], names text[], wanted int)
RETURNS TABLE (task_id uuid, fence bigint, lane int, place int, seq bigint, attempt int, allowed int, name text, args text,
               has_ties boolean, expired boolean, tenant text, ready_at timestamptz, tick_at timestamptz, limits text,
               suspect boolean, last boolean)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH picked AS MATERIALIZED (
        SELECT r.*, l.lane::int AS lane, row_number() OVER ()::int AS place
          FROM unnest(lane_queues, lane_priorities, lane_flows, cursors, quotas) WITH ORDINALITY l(queue, priority, flow, above, quota, lane)
         CROSS JOIN LATERAL (
                SELECT r.ctid AS tid, r.queue, r.priority, r.flow, r.task_id, r.seq, r.attempt, r.allowed, r.limited FROM drumbeat.ready r
                 WHERE r.queue = l.queue AND r.priority = l.priority::smallint AND r.flow = l.flow::smallint
                   AND r.seq > l.above AND r.name = ANY (names)
                 ORDER BY r.seq LIMIT l.quota FOR UPDATE SKIP LOCKED) r
         WHERE NOT EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = l.queue AND q.paused)
         LIMIT wanted
    ), fence AS MATERIALIZED (
        SELECT nextval('drumbeat.fence_seq') AS number FROM drumbeat.hold_seat(worker, seat, epoch) WHERE EXISTS (SELECT FROM picked)
    ), gone AS (
        DELETE FROM drumbeat.ready r WHERE r.ctid = ANY (ARRAY(SELECT p.tid FROM picked p))
    ), held AS (
        INSERT INTO drumbeat.running (task_id, fence, worker, seat, place, seq, attempt, allowed, pid, started_at)
        SELECT p.task_id, f.number, claim.worker, claim.seat::smallint, p.place::smallint, p.seq, p.attempt + 1, p.allowed, claim.pid,
               CASE WHEN wanted = 1 THEN clock_timestamp() END
          FROM picked p, fence f
    )
    SELECT p.task_id, f.number, p.lane, p.place, p.seq, p.attempt + 1, p.allowed, b.name, b.args::text,
           p.limited OR drumbeat.has_ties(b), coalesce(b.expires_at <= clock_timestamp(), false), b.tenant, greatest(b.created_at, b.run_at), b.tick_at, b.headers ->> 'limits',
           p.attempt > 0 AND drumbeat.has_died(p.task_id),
           p.place = wanted AND NOT EXISTS (SELECT FROM drumbeat.ready r
                                             WHERE r.queue = p.queue AND r.priority = p.priority AND r.flow = p.flow AND r.seq > p.seq AND r.name = ANY (names))
      FROM picked p JOIN drumbeat.task_body b ON b.id = p.task_id, fence f
     ORDER BY p.place;
    IF NOT FOUND THEN
        PERFORM drumbeat.check_seat(worker, seat, epoch);
    END IF;
    IF current_setting('drumbeat.held', true) <> '' THEN
        PERFORM drumbeat.ring_held();
    END IF;
END $$;

-- Settle the tasks of one claim that ended as a plain SUCCESS (no result): those whose element of `started` is not 0. Times are
-- microseconds since 1970, element n belongs to place n. Answers how many were settled.
CREATE FUNCTION drumbeat.settle_plain(worker uuid, seat int, epoch bigint, fence bigint, started bigint[], ended bigint[], has_ties boolean)
RETURNS int LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    settled int;
    ids     uuid[];
BEGIN
    PERFORM drumbeat.hold_seat(worker, seat, epoch);
    WITH gone AS (
        DELETE FROM drumbeat.running r
         WHERE r.worker = settle_plain.worker AND r.seat = settle_plain.seat::smallint AND r.fence = settle_plain.fence AND started[r.place] <> 0
        RETURNING r.*
    ), done AS (
        INSERT INTO drumbeat.ended (task_id, status, attempt, fence, worker, pid, started_at, ended_at, progress_value, end_value, progress_message)
        SELECT g.task_id, 'SUCCESS', g.attempt, g.fence, g.worker, g.pid, drumbeat.moment(started[g.place]), drumbeat.moment(ended[g.place]),
               g.progress_value, g.end_value, g.progress_message
          FROM gone g
        RETURNING task_id
    )
    SELECT count(*), CASE WHEN has_ties OR EXISTS (SELECT FROM drumbeat.cancel_request) THEN array_agg(task_id) END
      INTO settled, ids FROM done;
    IF ids IS NOT NULL THEN
        PERFORM drumbeat.untie(ids, true);
    END IF;
    RETURN settled;
END $$;

-- Microseconds since 1970 as a moment, exactly. STABLE as its operators are, so that it is inlined.
CREATE FUNCTION drumbeat.moment(micros bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT timestamptz 'epoch' + micros * interval '1 microsecond'
$$;

-- How an attempt ended. outcome: success; failed, crashed, limit, lost (the task is queued again while attempts are left and
-- `retryable` holds); cancelled; expired; returned (not counted, the task goes back to where it stood); snoozed (not counted, it runs
-- again after `retry_after`).
CREATE TYPE drumbeat.attempt_end AS (
    outcome     text,
    retryable   boolean,
    retry_after interval,
    started_at  timestamptz,
    ended_at    timestamptz,
    result      jsonb,
    error       text,
    signal      int,
    exit_code   int,
    peak_rss    bigint,
    cpu_ms      bigint
);

-- How often a task may kill its process before it is set aside: as the configuration says, else as often as its caller allowed it to
-- start when that is more than the handler's attempts, else 3.
CREATE FUNCTION drumbeat.deaths_allowed(name text, max_attempts int) RETURNS int LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(h.max_deaths), CASE WHEN deaths_allowed.max_attempts > coalesce(max(h.max_attempts), 3) THEN deaths_allowed.max_attempts ELSE 3 END)
      FROM drumbeat.handler h WHERE h.name = deaths_allowed.name COLLATE "C"
$$;

-- What a task's history says against another attempt; NULL: nothing. Counted is what happened since it was enqueued or retried.
CREATE FUNCTION drumbeat.objection(r drumbeat.running, how drumbeat.attempt_end) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    snoozes_max CONSTANT int := 1000;
    body    drumbeat.task_body;
    dead    int;
    snoozed int;
BEGIN
    IF how.outcome NOT IN ('crashed', 'lost', 'limit', 'snoozed') THEN
        RETURN NULL;
    END IF;
    SELECT * INTO body FROM drumbeat.task_body b WHERE b.id = r.task_id;
    SELECT count(*) FILTER (WHERE p.died), count(*) FILTER (WHERE p.outcome = 'snoozed') INTO dead, snoozed
      FROM drumbeat.past_attempt p WHERE p.task_id = r.task_id AND p.attempt > r.allowed - body.max_attempts;
    IF how.outcome = 'snoozed' THEN
        RETURN CASE WHEN snoozed >= snoozes_max THEN format('snoozed %s times: %s', snoozes_max, how.error) END;
    END IF;
    dead := dead + (how.outcome <> 'limit' OR coalesce(how.signal, how.exit_code) IS NOT NULL)::int;
    RETURN CASE WHEN dead >= drumbeat.deaths_allowed(body.name, body.max_attempts)
                THEN format('set aside after %s deaths: %s', dead, how.error) END;
END $$;

-- Move one running task on as its attempt ended: the only place that decides between QUEUED and the final statuses.
CREATE FUNCTION drumbeat.move_on(r drumbeat.running, how drumbeat.attempt_end) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    asked  boolean;
    final  text;
    body   drumbeat.task_body;
    against text := drumbeat.objection(r, how);
    counts boolean;
BEGIN
    IF how.outcome = 'snoozed' AND against IS NOT NULL THEN
        how.outcome := 'failed';
        how.error := against;
        against := NULL;
    END IF;
    counts := how.outcome NOT IN ('returned', 'snoozed');
    IF how.outcome NOT IN ('success', 'expired', 'cancelled') THEN
        asked := EXISTS (SELECT FROM drumbeat.cancel_request c WHERE c.task_id = r.task_id);
    END IF;
    DELETE FROM drumbeat.running x WHERE x.task_id = r.task_id AND (x.fence = r.fence) IS TRUE;
    final := CASE
        WHEN how.outcome = 'success' THEN 'SUCCESS'
        WHEN how.outcome = 'expired' THEN 'SKIPPED'
        WHEN how.outcome = 'cancelled' OR asked THEN 'KILLED'
        WHEN NOT counts THEN NULL
        WHEN how.retryable AND r.attempt < r.allowed AND against IS NULL THEN NULL
        ELSE 'ERRORED' END;
    IF how.outcome NOT IN ('success', 'expired') AND (how.outcome <> 'returned' OR r.started_at IS NOT NULL) THEN
        INSERT INTO drumbeat.past_attempt (task_id, attempt, fence, worker, pid, started_at, ended_at, outcome, error, signal, exit_code, peak_rss, cpu_ms)
        VALUES (r.task_id, r.attempt, r.fence, r.worker, r.pid, coalesce(how.started_at, r.started_at), how.ended_at,
                CASE WHEN final = 'KILLED' THEN 'cancelled' ELSE how.outcome END,
                how.error, how.signal, how.exit_code, how.peak_rss, how.cpu_ms);
    END IF;
    IF final IS NOT NULL THEN
        INSERT INTO drumbeat.ended (task_id, status, attempt, fence, worker, pid, started_at, ended_at, progress_value, end_value, progress_message,
                                    result, error, peak_rss, cpu_ms)
        VALUES (r.task_id, final, CASE WHEN how.outcome = 'expired' OR (how.outcome = 'returned' AND r.started_at IS NULL) THEN r.attempt - 1 ELSE r.attempt END,
                r.fence, r.worker, r.pid, CASE WHEN how.outcome <> 'expired' THEN coalesce(how.started_at, r.started_at) END, how.ended_at,
                r.progress_value, r.end_value, r.progress_message, how.result, CASE WHEN final = 'ERRORED' THEN coalesce(against, how.error) ELSE how.error END,
                how.peak_rss, how.cpu_ms);
        PERFORM drumbeat.untie(ARRAY[r.task_id]);
        RETURN;
    END IF;
    IF how.retry_after > interval '0' THEN
        INSERT INTO drumbeat.delayed (task_id, run_at, attempt, allowed, reason)
        VALUES (r.task_id, clock_timestamp() + how.retry_after, CASE WHEN counts THEN r.attempt ELSE r.attempt - 1 END, r.allowed,
                left(CASE WHEN counts THEN format('attempt %s of %s failed: %s', r.attempt, r.allowed, how.error) ELSE 'snoozed: ' || how.error END, 500));
        PERFORM pg_notify('drumbeat', 'delayed');
        IF counts AND EXISTS (SELECT FROM drumbeat.celery_message m WHERE m.task_id = r.task_id) THEN
            PERFORM drumbeat.celery_note(ARRAY[r.task_id], 'retry');
        END IF;
    ELSE
        SELECT * INTO body FROM drumbeat.task_body b WHERE b.id = r.task_id;
        PERFORM drumbeat.line_up(body, r.seq, CASE WHEN counts THEN r.attempt ELSE r.attempt - 1 END, r.allowed, back => true);
    END IF;
    PERFORM drumbeat.release(ARRAY[r.task_id]); -- it may be handed its own slots again
END $$;

-- Settle one task of a claim in any other way. False: it was no longer held (nothing is written).
CREATE FUNCTION drumbeat.settle_one(worker uuid, seat int, epoch bigint, fence bigint, place int, how drumbeat.attempt_end,
                                    progress_value bigint DEFAULT NULL, end_value bigint DEFAULT NULL, progress_message text DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    r drumbeat.running;
BEGIN
    PERFORM drumbeat.hold_seat(worker, seat, epoch);
    SELECT * INTO r FROM drumbeat.running x
     WHERE x.worker = settle_one.worker AND x.seat = settle_one.seat::smallint AND x.fence = settle_one.fence AND x.place = settle_one.place;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    r.progress_value := greatest(r.progress_value, settle_one.progress_value);
    r.end_value := coalesce(settle_one.end_value, r.end_value);
    r.progress_message := coalesce(settle_one.progress_message, r.progress_message);
    PERFORM drumbeat.move_on(r, how);
    RETURN true;
END $$;

-- Before a handler's own COMMIT: answers the transaction's number, which pg_xact_status() can be asked about later.
CREATE FUNCTION drumbeat.before_commit(worker uuid, seat int, epoch bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM drumbeat.hold_seat(worker, seat, epoch);
    RETURN pg_current_xact_id()::text;
END $$;

-- End what a dead holder of a seat left open in the server: a transaction in it may hold locks.
CREATE FUNCTION drumbeat.end_sessions(application text) RETURNS void LANGUAGE sql AS $$
    SELECT pg_terminate_backend(a.pid, 2000) FROM pg_stat_activity a
     WHERE a.application_name = application AND a.state <> 'idle' AND a.pid <> pg_backend_pid()
$$;

-- Return those of a claim, but for the one at a place, that have not started and for which nothing is to be decided: no gate, no cancel request, no other
-- broker. All at once, for a batch may have hundreds behind one that turns out slow; move_on() is for the others. Answers how many.
CREATE FUNCTION drumbeat.return_plain(worker uuid, seat int, fence bigint, place int) RETURNS int
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    lane  record;
    count int := 0;
BEGIN
    FOR lane IN
        WITH plain AS MATERIALIZED (
            SELECT r.task_id, r.fence, r.seq, r.attempt, r.allowed, b.queue, b.priority, drumbeat.flow_of(b.tenant) AS flow, b.name
              FROM drumbeat.running r JOIN drumbeat.task_body b ON b.id = r.task_id
             WHERE r.worker = return_plain.worker AND r.seat = return_plain.seat::smallint AND r.fence = return_plain.fence
               AND r.place <> return_plain.place AND r.started_at IS NULL AND b.limit_key IS NULL
               AND NOT EXISTS (SELECT FROM drumbeat.limit_rule l WHERE l.kind = 'handler' AND l.name = b.name COLLATE "C")
               AND NOT EXISTS (SELECT FROM drumbeat.limit_rule l WHERE l.kind = 'queue' AND l.name = b.queue COLLATE "C")
               AND NOT EXISTS (SELECT FROM drumbeat.slot s WHERE s.task_id = r.task_id)
               AND NOT EXISTS (SELECT FROM drumbeat.cancel_request c WHERE c.task_id = r.task_id)
               AND NOT EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = b.queue COLLATE "C" AND q.protocol = 'celery')
        ), gone AS (
            DELETE FROM drumbeat.running r USING plain p WHERE r.task_id = p.task_id AND (r.fence = p.fence) IS TRUE RETURNING p.*
        ), back AS (
            INSERT INTO drumbeat.ready (queue, priority, flow, seq, task_id, name, attempt, allowed)
            SELECT g.queue, g.priority, g.flow, g.seq, g.task_id, g.name, g.attempt - 1, g.allowed FROM gone g
            RETURNING queue, priority, flow, seq
        )
        SELECT b.queue, b.priority, b.flow, min(b.seq) AS low, count(*) AS tasks FROM back b GROUP BY b.queue, b.priority, b.flow
    LOOP
        PERFORM drumbeat.ring(lane.queue, lane.priority, lane.flow, lane.low - 1, always => true);
        count := count + lane.tasks;
    END LOOP;
    RETURN count;
END $$;

-- Give back what a seat holds: the task at `current` ended as `how` says, all others return uncounted. `current` 0: all return.
CREATE FUNCTION drumbeat.release_seat(worker uuid, seat int, current uuid, how drumbeat.attempt_end) RETURNS int LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    r     drumbeat.running;
    count int := 0;
BEGIN
    FOR r IN SELECT * FROM drumbeat.running x WHERE x.worker = release_seat.worker AND x.seat = release_seat.seat::smallint ORDER BY x.seq LOOP
        IF r.task_id = current THEN
            PERFORM drumbeat.move_on(r, how);
        ELSE
            PERFORM drumbeat.move_on(r, ('returned', true, interval '0', NULL, clock_timestamp(), NULL, NULL, NULL, NULL, NULL, NULL)::drumbeat.attempt_end);
        END IF;
        count := count + 1;
    END LOOP;
    RETURN count;
END $$;

-- Take a seat: whoever held it before writes nothing any more. Answers the seat's epoch. What it held stays held until empty_seat(): what had
-- ended is settled in between.
CREATE FUNCTION drumbeat.take_seat(worker uuid, seat int, application text) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    answer bigint := nextval('drumbeat.epoch_seq');
BEGIN
    PERFORM drumbeat.end_sessions(application);
    INSERT INTO drumbeat.seat AS s (worker, seat, epoch) VALUES (worker, seat::smallint, answer)
    ON CONFLICT (worker, seat) DO UPDATE SET epoch = excluded.epoch;
    RETURN answer;
END $$;

-- Release what the last holder of a seat held, as release_seat() does.
CREATE FUNCTION drumbeat.empty_seat(worker uuid, seat int, epoch bigint, current uuid, how drumbeat.attempt_end) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM drumbeat.hold_seat(worker, seat, epoch);
    RETURN drumbeat.release_seat(worker, seat, current, how);
END $$;

-- Both at once, for a holder of which nothing is known.
CREATE FUNCTION drumbeat.open_seat(worker uuid, seat int, application text, current uuid DEFAULT NULL, how drumbeat.attempt_end DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    answer bigint := drumbeat.take_seat(worker, seat, application);
BEGIN
    PERFORM drumbeat.empty_seat(worker, seat, answer, current, how);
    RETURN answer;
END $$;

-- After a lost connection: a new epoch for the same holder, so that nothing it sent before can happen any more.
CREATE FUNCTION drumbeat.raise_seat(worker uuid, seat int, epoch bigint, application text) RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    answer bigint := nextval('drumbeat.epoch_seq');
BEGIN
    PERFORM drumbeat.end_sessions(application);
    PERFORM drumbeat.hold_seat(worker, seat, epoch);
    UPDATE drumbeat.seat s SET epoch = answer WHERE s.worker = raise_seat.worker AND s.seat = raise_seat.seat::smallint;
    RETURN answer;
END $$;

-- The holder gives back, uncounted, what it still holds.
CREATE FUNCTION drumbeat.return_seat(worker uuid, seat int, epoch bigint) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    PERFORM drumbeat.hold_seat(worker, seat, epoch);
    RETURN drumbeat.release_seat(worker, seat, NULL, NULL);
END $$;

-- A worker's life ----------------------------------------------------------------------------------------------------------

-- Make the worker's row, or bring it up to date after a reload or a lost connection; its handlers too. True: there was none.
CREATE FUNCTION drumbeat.open_worker(id uuid, host text, pid int, version text, queues text[], pool int, names text[], handler_queues text[],
                                     handler_attempts int[], handler_deaths int[], handler_unique_by text[], lease interval, boot text, pid_start bigint) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    is_new boolean;
BEGIN
    INSERT INTO drumbeat.worker AS w (id, host, pid, version, queues, pool, names, lease, boot, pid_start)
    VALUES (id, host, pid, version, queues, pool, names, lease, boot, pid_start)
    ON CONFLICT ON CONSTRAINT worker_pkey DO UPDATE
    SET seen_at = clock_timestamp(), waiting = true, queues = excluded.queues, pool = excluded.pool, names = excluded.names, lease = excluded.lease
    RETURNING w.xmax = '0'::xid INTO is_new;
    INSERT INTO drumbeat.handler AS h (name, queue, max_attempts, max_deaths, unique_by)
    SELECT n.name, n.queue, n.attempts, nullif(n.deaths, 0), n.unique_by
      FROM unnest(names, handler_queues, handler_attempts, handler_deaths, handler_unique_by) n(name, queue, attempts, deaths, unique_by) ORDER BY n.name
    ON CONFLICT ON CONSTRAINT handler_pkey DO UPDATE
    SET queue = excluded.queue, max_attempts = excluded.max_attempts, max_deaths = excluded.max_deaths, unique_by = excluded.unique_by,
        seen_at = clock_timestamp()
     WHERE (h.queue, h.max_attempts, h.max_deaths, h.unique_by)
           IS DISTINCT FROM (excluded.queue, excluded.max_attempts, excluded.max_deaths, excluded.unique_by);
    RETURN is_new;
END $$;

-- The heartbeat. False: the row is gone, others have taken this worker's tasks.
CREATE FUNCTION drumbeat.renew_worker(id uuid, draining boolean, pool int) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    UPDATE drumbeat.worker w SET seen_at = clock_timestamp(), draining = renew_worker.draining, pool = renew_worker.pool WHERE w.id = renew_worker.id;
    RETURN FOUND;
END $$;

-- End a worker: all its seats are taken away, what they held returns. Started tasks count as `outcome` says: 'lost' or 'returned'.
CREATE FUNCTION drumbeat.close_worker(id uuid, outcome text, reason text) RETURNS int LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    r     drumbeat.running;
    count int := 0;
BEGIN
    -- In the order of rescue(): a worker that ends just as another takes over from it must not wait for that one's locks.
    PERFORM FROM drumbeat.worker w WHERE w.id = close_worker.id FOR UPDATE;
    PERFORM pg_terminate_backend(a.pid, 2000) FROM pg_stat_activity a
      WHERE starts_with(a.application_name, 'drumbeat/' || close_worker.id || '/') AND a.state <> 'idle' AND a.pid <> pg_backend_pid();
    UPDATE drumbeat.seat s SET epoch = nextval('drumbeat.epoch_seq') WHERE s.worker = close_worker.id;
    FOR r IN SELECT * FROM drumbeat.running x WHERE x.worker = close_worker.id ORDER BY x.seq LOOP
        PERFORM drumbeat.move_on(r, (CASE WHEN r.started_at IS NULL THEN 'returned' ELSE outcome END, true, interval '0', NULL, clock_timestamp(), NULL,
                                     CASE WHEN r.started_at IS NULL THEN NULL ELSE reason END, NULL, NULL, NULL, NULL)::drumbeat.attempt_end);
        count := count + 1;
    END LOOP;
    DELETE FROM drumbeat.lane l USING drumbeat.worker w
     WHERE w.id = close_worker.id AND l.queue = ANY (w.queues) AND starts_with(l.queue, 'run.')
       AND NOT EXISTS (SELECT FROM drumbeat.ready t WHERE t.queue = l.queue);
    DELETE FROM drumbeat.worker w WHERE w.id = close_worker.id;
    RETURN count;
END $$;

-- Take over from workers whose lease is over, and from those in `dead` (whose process is known to be gone). Answers the number of tasks that
-- were queued again or ended.
CREATE FUNCTION drumbeat.rescue(dead uuid[]) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    w     record;
    count int := 0;
BEGIN
    FOR w IN SELECT x.id, x.host, x.pid FROM drumbeat.worker x
              WHERE x.seen_at + x.lease < clock_timestamp() OR x.id = ANY (dead) FOR UPDATE SKIP LOCKED LOOP
        count := count + drumbeat.close_worker(w.id, 'lost', format('worker %s on %s (pid %s) is gone', w.id, w.host, w.pid));
    END LOOP;
    RETURN count;
END $$;

-- A seat that is removed in any other way than by close_worker() leaves nothing behind either: a task is held by a seat that exists.
CREATE FUNCTION drumbeat.seat_removed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    r drumbeat.running;
BEGIN
    FOR r IN SELECT x.* FROM drumbeat.running x WHERE x.worker = old.worker AND x.seat = old.seat ORDER BY x.seq LOOP
        PERFORM drumbeat.move_on(r, ('lost', true, interval '0', NULL, clock_timestamp(), NULL, 'its worker was removed', NULL, NULL, NULL, NULL)::drumbeat.attempt_end);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER removed AFTER DELETE ON drumbeat.seat FOR EACH ROW EXECUTE FUNCTION drumbeat.seat_removed();

-- The keeper's rounds ------------------------------------------------------------------------------------------------------

-- Make delayed tasks ready whose moment has come, at most `most`. Answers how many.
CREATE FUNCTION drumbeat.promote(most int) RETURNS int LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    limits boolean := EXISTS (SELECT FROM drumbeat.limit_rule) OR EXISTS (SELECT FROM drumbeat.queue_state s WHERE s.protocol = 'celery');
    q      record;
    low    bigint;
    count  int := 0;
BEGIN
    PERFORM pg_current_xact_id();
    low := nextval('drumbeat.ready_seq');
    FOR q IN
        WITH due AS MATERIALIZED (
            SELECT d.task_id FROM drumbeat.delayed d WHERE d.run_at <= clock_timestamp() ORDER BY d.run_at LIMIT most FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM drumbeat.delayed d USING due WHERE d.task_id = due.task_id RETURNING d.*
        ), task AS MATERIALIZED (
            SELECT g.*, b.queue, b.priority, drumbeat.flow_of(b.tenant) AS flow, b.name, limits OR b.limit_key IS NOT NULL AS limited
              FROM gone g JOIN drumbeat.task_body b ON b.id = g.task_id
        ), placed AS (
            INSERT INTO drumbeat.ready (queue, priority, flow, task_id, name, attempt, allowed)
            SELECT t.queue, t.priority, t.flow, t.task_id, t.name, t.attempt, t.allowed FROM task t WHERE NOT t.limited ORDER BY t.run_at, t.task_id
            RETURNING queue, priority, flow
        )
        SELECT p.queue, p.priority, p.flow, count(*) AS tasks, NULL::uuid[] AS ids, NULL::int[] AS attempts, NULL::int[] AS allowed
          FROM placed p GROUP BY p.queue, p.priority, p.flow
        UNION ALL
        SELECT NULL, NULL, NULL, count(*), array_agg(t.task_id ORDER BY t.run_at, t.task_id), array_agg(t.attempt ORDER BY t.run_at, t.task_id),
               array_agg(t.allowed ORDER BY t.run_at, t.task_id)
          FROM task t WHERE t.limited HAVING count(*) > 0
    LOOP
        IF q.ids IS NULL THEN
            PERFORM drumbeat.ring(q.queue, q.priority, q.flow, low);
        ELSE
            PERFORM drumbeat.line_up_many(q.ids, q.attempts, q.allowed);
        END IF;
        count := count + q.tasks;
    END LOOP;
    RETURN count;
END $$;

-- Cancel requests that are for no running task: settle them now. (A task can move while cancel() looks.) What another transaction holds is
-- left to the next round: whoever cancels many tasks in one transaction takes them in an order of his own, and two that wait for each other
-- would cost him his.
CREATE FUNCTION drumbeat.sweep_cancels() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    request record;
BEGIN
    FOR request IN SELECT c.task_id AS id FROM drumbeat.cancel_request c
                    WHERE NOT EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = c.task_id)
                      AND NOT EXISTS (SELECT FROM drumbeat.sent s WHERE s.task_id = c.task_id AND s.sent_at IS NOT NULL) FOR UPDATE SKIP LOCKED LOOP
        PERFORM FROM drumbeat.ready r WHERE r.task_id = request.id FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            PERFORM FROM drumbeat.delayed d WHERE d.task_id = request.id FOR UPDATE SKIP LOCKED;
        END IF;
        IF NOT FOUND THEN
            PERFORM FROM drumbeat.gated g WHERE g.task_id = request.id FOR UPDATE SKIP LOCKED;
        END IF;
        IF NOT FOUND THEN
            PERFORM FROM drumbeat.sent s WHERE s.task_id = request.id AND s.sent_at IS NULL FOR UPDATE SKIP LOCKED;
        END IF;
        IF NOT FOUND THEN
            PERFORM WHERE EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = request.id)
                       OR NOT EXISTS (SELECT FROM drumbeat.task_body b WHERE b.id = request.id);
        END IF;
        IF FOUND THEN
            DELETE FROM drumbeat.cancel_request c WHERE c.task_id = request.id;
            PERFORM drumbeat.cancel(request.id);
        END IF;
    END LOOP;
END $$;

-- A slow task in a claim of many: it is marked as started, and all others that are still held go back to the queue for others. Those that have
-- run are settled first, in the same transaction.
CREATE FUNCTION drumbeat.split_claim(worker uuid, seat int, epoch bigint, fence bigint, place int, started bigint) RETURNS int LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    r     drumbeat.running;
    count int := 0;
BEGIN
    PERFORM drumbeat.hold_seat(worker, seat, epoch);
    UPDATE drumbeat.running x SET started_at = drumbeat.moment(started)
     WHERE x.worker = split_claim.worker AND x.seat = split_claim.seat::smallint AND x.fence = split_claim.fence AND x.place = split_claim.place::smallint;
    count := drumbeat.return_plain(worker, seat, fence, place);
    FOR r IN SELECT * FROM drumbeat.running x
              WHERE x.worker = split_claim.worker AND x.seat = split_claim.seat::smallint AND x.fence = split_claim.fence AND x.place <> split_claim.place
              ORDER BY x.place LOOP
        PERFORM drumbeat.move_on(r, ('returned', true, interval '0', NULL, clock_timestamp(), NULL, NULL, NULL, NULL, NULL, NULL)::drumbeat.attempt_end);
        count := count + 1;
    END LOOP;
    RETURN count;
END $$;

-- What workers count ------------------------------------------------------------------------------------------------------

-- A row a worker, queue and handler: numbers that only grow (common/store/tally.h says which). A worker writes its own as they are, so that
-- writing them again changes nothing. The nil worker has the counts of those that are gone, and those of ticks.
CREATE TABLE drumbeat.tally (
    worker     uuid,
    queue      text COLLATE "C",
    name       text COLLATE "C",
    numbers    bigint[] NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (worker, queue, name)
) WITH (fillfactor = 50);
INSERT INTO drumbeat.tally (worker, queue, name, numbers) VALUES ('00000000-0000-0000-0000-000000000000', '', 'ticks', '{0,0}');

CREATE FUNCTION drumbeat.write_tally(worker uuid, queues text[], names text[], numbers bigint[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO drumbeat.tally AS t (worker, queue, name, numbers)
    SELECT DISTINCT ON (s.queue, s.name) worker, s.queue, s.name, numbers[(s.place - 1) * w.width + 1 : s.place * w.width]
      FROM unnest(queues, names) WITH ORDINALITY s(queue, name, place), (SELECT cardinality(numbers) / cardinality(names) AS width) w
    ON CONFLICT (worker, queue, name) DO UPDATE SET numbers = excluded.numbers, written_at = excluded.written_at
$$;

-- Add the counts of workers that have been gone for an hour to those of the nil worker: the sums stay as they are. Answers how many series.
CREATE FUNCTION drumbeat.fold_tallies() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    folded int;
BEGIN
    WITH gone AS (
        DELETE FROM drumbeat.tally t
         WHERE t.worker <> '00000000-0000-0000-0000-000000000000' AND t.written_at < clock_timestamp() - interval '1 hour'
           AND NOT EXISTS (SELECT FROM drumbeat.worker w WHERE w.id = t.worker)
        RETURNING t.queue, t.name, t.numbers
    ), summed AS (
        SELECT g.queue, g.name, u.place, sum(u.number)::bigint AS number FROM gone g, unnest(g.numbers) WITH ORDINALITY u(number, place)
         GROUP BY g.queue, g.name, u.place
    )
    INSERT INTO drumbeat.tally AS t (worker, queue, name, numbers)
    SELECT '00000000-0000-0000-0000-000000000000', s.queue, s.name, array_agg(s.number ORDER BY s.place) FROM summed s GROUP BY s.queue, s.name ORDER BY 2, 3
    ON CONFLICT (worker, queue, name) DO UPDATE
    SET numbers = (SELECT array_agg(coalesce(u.a, 0) + coalesce(u.b, 0) ORDER BY u.place) FROM unnest(t.numbers, excluded.numbers) WITH ORDINALITY u(a, b, place));
    GET DIAGNOSTICS folded = ROW_COUNT;
    RETURN folded;
END $$;

-- Locks that an attempt takes for its own rest -------------------------------------------------------------------------------

CREATE TABLE drumbeat.attempt_lock (
    key     text PRIMARY KEY,
    task_id uuid NOT NULL,
    fence   bigint NOT NULL
);

-- True when the lock is this attempt's now. A lock whose attempt is over counts for nothing.
CREATE FUNCTION drumbeat.try_lock(key text, task_id uuid, fence bigint) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    INSERT INTO drumbeat.attempt_lock AS l (key, task_id, fence) VALUES (key, task_id, fence)
    ON CONFLICT ON CONSTRAINT attempt_lock_pkey DO UPDATE SET task_id = excluded.task_id, fence = excluded.fence
     WHERE (l.task_id = excluded.task_id AND l.fence = excluded.fence)
        OR NOT EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = l.task_id AND (r.fence = l.fence) IS TRUE);
    RETURN FOUND;
END $$;
