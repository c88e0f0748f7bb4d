-- Schedules, their ticks, and which beat emits.
--
-- A schedule's `mark` is its high-water mark: everything up to it is dealt with. A beat finds the next tick after it and asks
-- emit() to insert the tick and its task and to move the mark, in one transaction. Any number of beats may ask: the row of the
-- schedule is compared (revision, mark) and `tick` has a primary key, so that there is one task per (schedule, tick). The lease only
-- keeps beats from asking for the same things all the time.

CREATE SEQUENCE drumbeat.schedule_seq;  -- revisions, over all schedules

CREATE TABLE drumbeat.schedule (
    name           text COLLATE "C" PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 200 AND name !~ '[^[:graph:]]'),
    handler        text NOT NULL CHECK (length(handler) BETWEEN 1 AND 200 AND handler !~ '[^[:graph:]]'),
    args           jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(args) = 'object'),
    specs          text[] NOT NULL CHECK (cardinality(specs) BETWEEN 1 AND 100 AND array_position(specs, NULL) IS NULL),
    exclude        text[] NOT NULL DEFAULT '{}' CHECK (cardinality(exclude) <= 100 AND array_position(exclude, NULL) IS NULL),
    tz             text,
    queue          text CHECK (length(queue) BETWEEN 1 AND 63 AND queue !~ '[^a-z0-9_.-]'),
    priority       integer CHECK (priority BETWEEN 0 AND 9),
    tenant         text CHECK (length(tenant) BETWEEN 1 AND 200),
    notes          text CHECK (length(notes) <= 10000),  -- for people
    enabled        boolean NOT NULL DEFAULT true,
    catchup        text NOT NULL DEFAULT 'last' CHECK (catchup IN ('last', 'all', 'none')),
    catchup_window interval NOT NULL DEFAULT '1 hour' CHECK (catchup_window >= '0' AND catchup_window <= '1000 years'),
    overlap        text NOT NULL DEFAULT 'allow' CHECK (overlap IN ('allow', 'skip', 'queue_one', 'replace', 'cancel_other')),
    jitter         interval NOT NULL DEFAULT '0' CHECK (jitter >= '0' AND jitter <= '366 days'),
    start_at       timestamptz,
    end_at         timestamptz,
    every_weeks    integer CHECK (every_weeks BETWEEN 1 AND 520),
    anchor         date CHECK (anchor BETWEEN '1970-01-01' AND '2199-12-31'),  -- any day of a week that counts
    max_runs       bigint CHECK (max_runs >= 1),
    pause_after_failures integer CHECK (pause_after_failures BETWEEN 1 AND 1000),
    source         text NOT NULL DEFAULT 'sql' CHECK (source IN ('file', 'sql')),
    retired_at     timestamptz,           -- no longer in the file it came from
    paused         boolean NOT NULL DEFAULT false,
    paused_reason  text,
    paused_by      text,
    paused_at      timestamptz,
    revision       bigint NOT NULL,
    mark           timestamptz NOT NULL,  -- nominal; everything up to it is dealt with
    last_tick      timestamptz,           -- nominal; the last that became a task
    next_tick      timestamptz,           -- nominal; NULL: never, or no beat has looked yet
    missed         integer NOT NULL DEFAULT 0,  -- ticks passed over since the last task
    runs           bigint NOT NULL DEFAULT 0,   -- ticks that became tasks since it was last enabled
    forgiven_at    timestamptz NOT NULL,        -- tasks that ended before do not count as failures
    problem        text,                  -- why it cannot fire, as the beat found
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((every_weeks IS NULL) = (anchor IS NULL))
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX schedule_revision ON drumbeat.schedule (revision);
CREATE INDEX schedule_may_fail ON drumbeat.schedule (name) WHERE pause_after_failures IS NOT NULL;

CREATE TABLE drumbeat.tick (
    schedule    text COLLATE "C" NOT NULL,
    tick_at     timestamptz NOT NULL,
    task_id     uuid NOT NULL,
    emitted_at  timestamptz NOT NULL,
    emitted_by  uuid,             -- the beat; NULL: triggered by hand
    epoch       bigint,
    lateness_ms bigint NOT NULL,
    PRIMARY KEY (schedule, tick_at)
);
CREATE INDEX tick_emitted_at ON drumbeat.tick USING brin (emitted_at) WITH (pages_per_range = 16);

-- The tasks of schedules with an overlap policy that may be unfinished. A row whose task has ended is removed by the next tick
-- of its schedule: settling a task costs nothing more for it.
CREATE TABLE drumbeat.schedule_open (
    schedule text COLLATE "C" NOT NULL,
    task_id  uuid NOT NULL,
    PRIMARY KEY (schedule, task_id)
);

-- One row: which beat emits. Correctness does not rest on it.
CREATE TABLE drumbeat.beat_lease (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    holder  uuid,
    epoch   bigint NOT NULL DEFAULT 0,
    until   timestamptz NOT NULL DEFAULT '-infinity',
    session integer              -- the holder's backend; NULL behind a pooler
);
INSERT INTO drumbeat.beat_lease DEFAULT VALUES;

-- Changes -----------------------------------------------------------------------------------------------------------------

-- Writers of definitions take turns until they commit: revisions become visible in their order, so that a beat which knows the
-- highest misses none.
CREATE FUNCTION drumbeat.schedule_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1685222765, 1);
    PERFORM pg_notify('drumbeat_schedule', 'changed');
    RETURN NULL;
END $$;

-- What is told of a schedule that has run as often as it may.
CREATE FUNCTION drumbeat.runs_are_over(runs bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('over: it has run %s times', runs)
$$;

-- A new definition gets a new revision. When it changes the times, the mark is set to now: nothing fires retroactively, and time
-- spent paused or disabled is not caught up.
CREATE FUNCTION drumbeat.schedule_revise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' OR (NEW.specs, NEW.exclude, NEW.tz, NEW.jitter, NEW.start_at, NEW.end_at, NEW.every_weeks, NEW.anchor, NEW.max_runs,
                            NEW.enabled, NEW.paused)
                           IS DISTINCT FROM (OLD.specs, OLD.exclude, OLD.tz, OLD.jitter, OLD.start_at, OLD.end_at, OLD.every_weeks, OLD.anchor,
                                             OLD.max_runs, OLD.enabled, OLD.paused) THEN
        NEW.mark := clock_timestamp();
        NEW.next_tick := NULL;
        NEW.missed := 0;
        NEW.problem := NULL;
    END IF;
    IF TG_OP = 'INSERT' OR (NEW.enabled, NEW.paused, NEW.pause_after_failures, NEW.handler, NEW.args)
                           IS DISTINCT FROM (OLD.enabled, OLD.paused, OLD.pause_after_failures, OLD.handler, OLD.args) THEN
        NEW.forgiven_at := clock_timestamp();
    END IF;
    IF TG_OP = 'INSERT' OR (NEW.enabled AND NOT OLD.enabled) THEN
        NEW.runs := 0;
    ELSIF NEW.runs >= NEW.max_runs THEN
        NEW.problem := drumbeat.runs_are_over(NEW.runs);
    END IF;
    NEW.revision := nextval('drumbeat.schedule_seq');
    NEW.updated_at := clock_timestamp();
    IF TG_OP = 'UPDATE' AND OLD.overlap = 'allow' AND NEW.overlap <> 'allow' THEN
        INSERT INTO drumbeat.schedule_open (schedule, task_id)
        SELECT t.schedule, t.task_id FROM drumbeat.tick t WHERE t.schedule = NEW.name AND drumbeat.task_is_open(t.task_id)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NEW;
END $$;

-- At commit: "now" was longer ago than it should be when the transaction took its time.
CREATE FUNCTION drumbeat.schedule_committed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.next_tick IS NULL AND clock_timestamp() > NEW.mark + interval '1 second' THEN
        UPDATE drumbeat.schedule s SET mark = clock_timestamp() WHERE s.name = NEW.name AND s.revision = NEW.revision;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER turn BEFORE INSERT OR DELETE OR UPDATE OF name, handler, args, specs, exclude, tz, queue, priority, tenant, notes, enabled, catchup,
    catchup_window, overlap, jitter, start_at, end_at, every_weeks, anchor, max_runs, pause_after_failures, source, paused ON drumbeat.schedule
    FOR EACH STATEMENT EXECUTE FUNCTION drumbeat.schedule_turn();
CREATE TRIGGER revise BEFORE INSERT OR UPDATE OF name, handler, args, specs, exclude, tz, queue, priority, tenant, notes, enabled, catchup,
    catchup_window, overlap, jitter, start_at, end_at, every_weeks, anchor, max_runs, pause_after_failures, source, paused ON drumbeat.schedule
    FOR EACH ROW EXECUTE FUNCTION drumbeat.schedule_revise();
CREATE CONSTRAINT TRIGGER committed AFTER INSERT OR UPDATE OF specs, exclude, tz, enabled, jitter, start_at, end_at, every_weeks, anchor, max_runs, paused ON drumbeat.schedule
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION drumbeat.schedule_committed();

CREATE FUNCTION drumbeat.task_is_open(id uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM drumbeat.ready r WHERE r.task_id = id) OR EXISTS (SELECT FROM drumbeat.delayed d WHERE d.task_id = id)
        OR EXISTS (SELECT FROM drumbeat.running x WHERE x.task_id = id) OR EXISTS (SELECT FROM drumbeat.gated g WHERE g.task_id = id)
        OR EXISTS (SELECT FROM drumbeat.sent s WHERE s.task_id = id)
$$;

-- What a beat keeps of a schedule. Expressions hold no line ends, so lists are joined with them; durations are microseconds.
CREATE VIEW drumbeat.schedule_rule AS
SELECT s.name, s.revision, s.enabled AND NOT s.paused AND (s.max_runs IS NULL OR s.runs < s.max_runs) AS active, array_to_string(s.specs, E'\n') AS specs,
       array_to_string(s.exclude, E'\n') AS exclude, s.tz, s.catchup, (extract(epoch FROM s.catchup_window) * 1000000)::bigint AS catchup_window,
       (extract(epoch FROM s.jitter) * 1000000)::bigint AS jitter, s.start_at, s.end_at, s.mark, s.next_tick,
       coalesce(s.every_weeks, 0)::bigint AS every_weeks, coalesce(s.anchor - date '1970-01-01', 0)::bigint AS anchor_day
  FROM drumbeat.schedule s;

-- Bring the schedules of a configuration file into the table: the file wins for what came from it, what it no longer has is
-- retired, what was made by SQL is left alone. Element n of every array belongs to schedule n; lists are joined with line ends,
-- times and durations are microseconds, anchors YYYY-MM-DD; 0 is none, a priority below 0 too. Answers what was done, a row for
-- each schedule that differed. Waits little for others who write definitions; nothing is written and nobody waited for when
-- nothing differs.
CREATE FUNCTION drumbeat.declare_schedules(names text[], handlers text[], args text[], specs text[], excludes text[], zones text[], queues text[],
                                           catchups text[], policies text[], tenants text[], notes text[], anchors text[], windows bigint[],
                                           jitters bigint[], starts bigint[], ends bigint[], enabled bigint[], priorities bigint[],
                                           every_weeks bigint[], max_runs bigint[], pause_after_failures bigint[])
RETURNS TABLE (name text, outcome text) LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
#variable_conflict use_column
DECLARE
    w   record;
    old drumbeat.schedule;
BEGIN
    FOR w IN SELECT u.name, u.handler, u.args, string_to_array(u.specs, E'\n') AS specs,
                    coalesce(string_to_array(u.exclude, E'\n'), '{}') AS exclude, u.tz, u.queue, u.catchup, u.overlap, u.tenant, u.notes,
                    u.anchor::date AS anchor, u.catchup_window * interval '1 microsecond' AS catchup_window,
                    u.jitter * interval '1 microsecond' AS jitter, drumbeat.moment(nullif(u.start_at, 0)) AS start_at,
                    drumbeat.moment(nullif(u.end_at, 0)) AS end_at, u.enabled <> 0 AS enabled,
                    CASE WHEN u.priority >= 0 THEN u.priority::int END AS priority, nullif(u.every_weeks, 0)::int AS every_weeks,
                    nullif(u.max_runs, 0) AS max_runs, nullif(u.pause_after_failures, 0)::int AS pause_after_failures
               FROM unnest(names, handlers, args::jsonb[], specs, excludes, zones, queues, catchups, policies, tenants, notes, anchors, windows,
                           jitters, starts, ends, enabled, priorities, every_weeks, max_runs, pause_after_failures)
                    u(name, handler, args, specs, exclude, tz, queue, catchup, overlap, tenant, notes, anchor, catchup_window, jitter, start_at,
                      end_at, enabled, priority, every_weeks, max_runs, pause_after_failures)
              ORDER BY u.name LOOP
        SELECT * INTO old FROM drumbeat.schedule s WHERE s.name = w.name;
        name := w.name;
        IF NOT FOUND THEN
            INSERT INTO drumbeat.schedule (name, handler, args, specs, exclude, tz, queue, catchup, overlap, tenant, notes, anchor, catchup_window,
                                           jitter, start_at, end_at, enabled, priority, every_weeks, max_runs, pause_after_failures, source)
            VALUES (w.name, w.handler, w.args, w.specs, w.exclude, w.tz, w.queue, w.catchup, w.overlap, w.tenant, w.notes, w.anchor, w.catchup_window,
                    w.jitter, w.start_at, w.end_at, w.enabled, w.priority, w.every_weeks, w.max_runs, w.pause_after_failures, 'file')
            ON CONFLICT DO NOTHING;
            outcome := 'created';
            RETURN NEXT;
        ELSIF old.source <> 'file' THEN
            outcome := 'collides';
            RETURN NEXT;
        ELSIF (old.handler, old.args, old.specs, old.exclude, old.tz, old.queue, old.catchup, old.overlap, old.tenant, old.notes, old.anchor,
               old.catchup_window, old.jitter, old.start_at, old.end_at, old.enabled, old.priority, old.every_weeks, old.max_runs,
               old.pause_after_failures, old.retired_at) IS DISTINCT FROM
              (w.handler, w.args, w.specs, w.exclude, w.tz, w.queue, w.catchup, w.overlap, w.tenant, w.notes, w.anchor,
               w.catchup_window, w.jitter, w.start_at, w.end_at, w.enabled, w.priority, w.every_weeks, w.max_runs,
               w.pause_after_failures, NULL::timestamptz) THEN
            UPDATE drumbeat.schedule s
               SET handler = w.handler, args = w.args, specs = w.specs, exclude = w.exclude, tz = w.tz, queue = w.queue, catchup = w.catchup,
                   overlap = w.overlap, tenant = w.tenant, notes = w.notes, anchor = w.anchor, catchup_window = w.catchup_window,
                   jitter = w.jitter, start_at = w.start_at, end_at = w.end_at, enabled = w.enabled, priority = w.priority,
                   every_weeks = w.every_weeks, max_runs = w.max_runs, pause_after_failures = w.pause_after_failures, retired_at = NULL
             WHERE s.name = w.name AND s.source = 'file';
            outcome := 'changed';
            RETURN NEXT;
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM drumbeat.schedule s WHERE s.source = 'file' AND s.retired_at IS NULL AND s.name <> ALL (names)) THEN
        RETURN QUERY
        UPDATE drumbeat.schedule s SET enabled = false, retired_at = clock_timestamp()
         WHERE s.source = 'file' AND s.retired_at IS NULL AND s.name <> ALL (names)
        RETURNING s.name, 'retired'::text;
    END IF;
END $$;

-- Who emits ---------------------------------------------------------------------------------------------------------------

-- Take the lease, keep it, or learn that another beat has it. It is free when its time is over, when its holder's session is
-- gone, and when it ends later than any could (the clock was put back). A beat that is not willing only looks. Answers the store's
-- clock, by which ticks are due.
CREATE FUNCTION drumbeat.lead(beat uuid, term interval, direct boolean, willing boolean) RETURNS TABLE (leads boolean, epoch bigint, store_clock timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    UPDATE drumbeat.beat_lease l
       SET holder = beat, epoch = CASE WHEN l.holder = beat THEN l.epoch ELSE l.epoch + 1 END, until = clock_timestamp() + term,
           session = CASE WHEN direct THEN pg_backend_pid() END
     WHERE l.one = (SELECT x.one FROM drumbeat.beat_lease x
                     WHERE willing AND (x.holder = beat OR x.holder IS NULL
                                        OR x.until NOT BETWEEN clock_timestamp() AND clock_timestamp() + 2 * term
                                        OR NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = coalesce(x.session, a.pid)))
                       FOR UPDATE SKIP LOCKED)
    RETURNING l.epoch INTO epoch;
    leads := FOUND;
    store_clock := clock_timestamp();
    RETURN NEXT;
END $$;

-- Give the lease back; beats that stand by hear of it.
CREATE FUNCTION drumbeat.stop_leading(beat uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE drumbeat.beat_lease l SET holder = NULL, until = '-infinity', session = NULL WHERE l.holder = beat;
    IF FOUND THEN
        PERFORM pg_notify('drumbeat_schedule', 'free');
    END IF;
END $$;

-- Write down what the beat found of schedules whose definition is still `revisions`: the next tick (microseconds, 0: never) and what
-- keeps it from firing.
CREATE FUNCTION drumbeat.place_schedules(names text[], revisions bigint[], nexts bigint[], problems text[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
BEGIN
    WITH held AS MATERIALIZED (
        SELECT s.name, p.next, p.problem
          FROM unnest(names, revisions, nexts, problems) p(name, revision, next, problem)
          JOIN drumbeat.schedule s ON s.name = p.name AND s.revision = p.revision
         ORDER BY s.name FOR NO KEY UPDATE OF s SKIP LOCKED
    )
    UPDATE drumbeat.schedule s SET next_tick = drumbeat.moment(nullif(h.next, 0)), problem = h.problem FROM held h WHERE s.name = h.name;
END $$;

-- Emission ----------------------------------------------------------------------------------------------------------------

-- Decide by the schedule's overlap policy about a new task. False: it is to be skipped.
CREATE FUNCTION drumbeat.make_room(schedule text, overlap text, task_id uuid) RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    running uuid[];
    queued  uuid[];
    other   uuid;
BEGIN
    DELETE FROM drumbeat.schedule_open o WHERE o.schedule = make_room.schedule AND NOT drumbeat.task_is_open(o.task_id);
    SELECT array_agg(o.task_id) FILTER (WHERE o.taken), array_agg(o.task_id) FILTER (WHERE NOT o.taken) INTO running, queued
      FROM (SELECT x.task_id, EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = x.task_id)
                           OR EXISTS (SELECT FROM drumbeat.sent s WHERE s.task_id = x.task_id AND s.started_at IS NOT NULL) AS taken
              FROM drumbeat.schedule_open x WHERE x.schedule = make_room.schedule) o;
    IF (overlap = 'skip' AND (running IS NOT NULL OR queued IS NOT NULL)) OR (overlap = 'queue_one' AND queued IS NOT NULL) THEN
        RETURN false;
    END IF;
    INSERT INTO drumbeat.schedule_open (schedule, task_id) VALUES (schedule, task_id);
    IF overlap NOT IN ('replace', 'cancel_other') THEN
        RETURN true;
    END IF;
    FOREACH other IN ARRAY coalesce(queued, '{}') LOOP
        IF NOT drumbeat.end_waiting(other, 'SKIPPED', format('replaced by task %s of the same schedule', task_id)) AND overlap = 'cancel_other' THEN
            PERFORM drumbeat.cancel(other); -- it was claimed just now
        END IF;
    END LOOP;
    IF overlap = 'cancel_other' THEN
        PERFORM drumbeat.cancel(r.id) FROM unnest(running) r(id);
    END IF;
    RETURN true;
END $$;

CREATE TYPE drumbeat.bell AS (queue text, priority int, flow int);

-- Insert the tasks of ticks that were inserted by the same transaction, which holds the schedules' rows.
CREATE FUNCTION drumbeat.add_tick_tasks(names text[], ids uuid[], ticks timestamptz[], late bigint[], missed int[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    moment  timestamptz := clock_timestamp();
    limits  boolean := EXISTS (SELECT FROM drumbeat.limit_rule) OR EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.protocol = 'celery');
    limited uuid[]; -- those that may have to pass a gate, or are Celery's
    skipped uuid[]; -- by the overlap policy
    held    uuid[]; -- their unique key is another task's
    rung    drumbeat.bell[];
    low     bigint;
BEGIN
    SELECT array_agg(n.id) INTO skipped
      FROM unnest(names, ids) n(name, id) JOIN drumbeat.schedule s ON s.name = n.name
     WHERE s.overlap <> 'allow' AND NOT drumbeat.make_room(s.name, s.overlap, n.id);
    WITH keyed AS MATERIALIZED (
        SELECT n.id, s.handler, left(s.args ->> h.unique_by, 500) AS key
          FROM unnest(names, ids) n(name, id)
          JOIN drumbeat.schedule s ON s.name = n.name
          JOIN drumbeat.handler h ON h.name = s.handler COLLATE "C"
         WHERE s.args ->> h.unique_by <> '' AND (skipped IS NULL OR n.id <> ALL (skipped))
    ), locked AS (
        INSERT INTO drumbeat.unique_lock (name, key, task_id) SELECT k.handler, k.key, k.id FROM keyed k ORDER BY k.handler, k.key
        ON CONFLICT DO NOTHING
        RETURNING task_id
    )
    SELECT array_agg(k.id) INTO held FROM keyed k WHERE k.id NOT IN (SELECT l.task_id FROM locked l);
    low := nextval('drumbeat.ready_seq');
    WITH body AS (
        INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by, tenant, unique_key, limit_key, schedule, tick_at, lateness_ms, missed)
        SELECT n.id, s.handler, coalesce(s.queue, h.queue, 'default'), s.args, coalesce(s.priority, 5), coalesce(h.max_attempts, 3), moment, 'beat',
               s.tenant, left(nullif(s.args ->> h.unique_by, ''), 500), left(h.name || '/' || nullif(s.args ->> h.limit_by, ''), 500), s.name, n.tick, n.late, n.missed
          FROM unnest(names, ids, ticks, late, missed) WITH ORDINALITY n(name, id, tick, late, missed, place)
          JOIN drumbeat.schedule s ON s.name = n.name
          LEFT JOIN drumbeat.handler h ON h.name = s.handler COLLATE "C"
         ORDER BY n.place
        RETURNING id, name, queue, priority, tenant, max_attempts, limit_key
    ), open AS (
        SELECT b.* FROM body b WHERE (skipped IS NULL OR b.id <> ALL (skipped)) AND (held IS NULL OR b.id <> ALL (held))
    ), waiting AS (
        INSERT INTO drumbeat.ready (queue, priority, flow, task_id, name, allowed)
        SELECT b.queue, b.priority, drumbeat.flow_of(b.tenant), b.id, b.name, b.max_attempts FROM open b
         WHERE NOT (limits OR b.limit_key IS NOT NULL)
        RETURNING queue, priority, flow
    )
    SELECT (SELECT array_agg(DISTINCT (w.queue, w.priority, w.flow)::drumbeat.bell) FROM waiting w),
           (SELECT array_agg(b.id) FROM open b WHERE limits OR b.limit_key IS NOT NULL) INTO rung, limited;
    IF limited IS NOT NULL THEN
        PERFORM drumbeat.line_up_many(limited, array_fill(0, ARRAY[cardinality(limited)]), ARRAY(SELECT b.max_attempts FROM drumbeat.task_body b
                                      JOIN unnest(limited) WITH ORDINALITY l(id, place) USING (id) ORDER BY l.place));
    END IF;
    IF skipped IS NOT NULL OR held IS NOT NULL THEN
        INSERT INTO drumbeat.ended (task_id, status, attempt, ended_at, error)
        SELECT x.id, 'SKIPPED', 0, moment, 'overlap policy: an earlier task of this schedule is unfinished' FROM unnest(skipped) x(id)
        UNION ALL
        SELECT x.id, 'SKIPPED', 0, moment, 'an unfinished task holds the same unique key' FROM unnest(held) x(id);
    END IF;
    PERFORM drumbeat.ring(b.queue, b.priority, b.flow, low) FROM unnest(rung) b;
END $$;

-- Emit up to one tick for each schedule given and move its mark. Element n of every array belongs to schedule n; moments are
-- microseconds. ticks: 0 only moves the mark. dues: when the tick was to be emitted. passed: how many were passed over before it.
-- Answers the places of those done; the others' rows differ from (revision, mark), or somebody else holds them. SQLSTATE DBF02: another
-- beat leads, nothing was written.
CREATE FUNCTION drumbeat.emit(beat uuid, epoch bigint, names text[], revisions bigint[], marks bigint[], ticks bigint[], dues bigint[], passed bigint[],
                              new_marks bigint[], nexts bigint[])
RETURNS SETOF bigint LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    moment timestamptz := clock_timestamp();
    held   record;
BEGIN
    PERFORM FROM drumbeat.beat_lease l WHERE l.holder = beat AND l.epoch = emit.epoch FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'DBF02', MESSAGE = format('beat %s does not lead in epoch %s', beat, epoch);
    END IF;
    WITH held AS MATERIALIZED (
        SELECT w.place, s.name, w.tick <> 0 AS ticks, drumbeat.moment(w.tick) AS tick, drumbeat.moment(w.new_mark) AS mark,
               drumbeat.moment(nullif(w.next, 0)) AS next, drumbeat.uuid_v7() AS id, least(w.passed + s.missed, 1000000)::int AS missed, w.passed,
               greatest(0, floor(extract(epoch FROM moment - drumbeat.moment(w.due)) * 1000))::bigint AS late
          FROM unnest(names, revisions, marks, ticks, dues, passed, new_marks, nexts) WITH ORDINALITY
               w(name, revision, mark, tick, due, passed, new_mark, next, place)
          JOIN drumbeat.schedule s ON s.name = w.name AND s.revision = w.revision AND s.mark = drumbeat.moment(w.mark)
         WHERE s.enabled AND NOT s.paused AND (s.max_runs IS NULL OR s.runs < s.max_runs)
         ORDER BY s.name FOR NO KEY UPDATE OF s SKIP LOCKED
    ), ticked AS (
        INSERT INTO drumbeat.tick (schedule, tick_at, task_id, emitted_at, emitted_by, epoch, lateness_ms)
        SELECT h.name, h.tick, h.id, moment, beat, emit.epoch, h.late FROM held h WHERE h.ticks
        ON CONFLICT DO NOTHING
        RETURNING task_id
    ), marked AS (
        UPDATE drumbeat.schedule s
           SET mark = h.mark, next_tick = CASE WHEN s.runs + h.ticks::int >= s.max_runs THEN NULL ELSE h.next END, last_tick = CASE WHEN h.ticks THEN h.tick ELSE s.last_tick END,
               missed = CASE WHEN h.ticks THEN 0 ELSE h.missed END, runs = s.runs + h.ticks::int,
               problem = CASE WHEN s.runs + h.ticks::int >= s.max_runs THEN drumbeat.runs_are_over(s.runs + 1) ELSE s.problem END
          FROM held h WHERE s.name = h.name
    )
    SELECT array_agg(h.place) AS places, array_agg(h.name ORDER BY h.place) FILTER (WHERE h.ticks) AS names,
           array_agg(h.id ORDER BY h.place) FILTER (WHERE h.ticks) AS ids, array_agg(h.tick ORDER BY h.place) FILTER (WHERE h.ticks) AS ticks,
           array_agg(h.late ORDER BY h.place) FILTER (WHERE h.ticks) AS late, array_agg(h.missed ORDER BY h.place) FILTER (WHERE h.ticks) AS missed,
           (SELECT array_agg(t.task_id) FROM ticked t) AS fresh, coalesce(sum(h.passed), 0)::bigint AS passed
      INTO held FROM held h;
    IF cardinality(held.fresh) = cardinality(held.ids) THEN
        PERFORM drumbeat.add_tick_tasks(held.names, held.ids, held.ticks, held.late, held.missed);
    ELSIF held.fresh IS NOT NULL THEN -- a tick was there although the mark was before it
        PERFORM drumbeat.add_tick_tasks(array_agg(n.name), array_agg(n.id), array_agg(n.tick), array_agg(n.late), array_agg(n.missed))
           FROM unnest(held.names, held.ids, held.ticks, held.late, held.missed) n(name, id, tick, late, missed)
          WHERE n.id = ANY (held.fresh);
    END IF;
    UPDATE drumbeat.tally t SET numbers = ARRAY[t.numbers[1] + coalesce(cardinality(held.fresh), 0), t.numbers[2] + held.passed]
     WHERE t.worker = '00000000-0000-0000-0000-000000000000' AND t.queue = '' AND t.name = 'ticks' AND held.places IS NOT NULL;
    RETURN QUERY SELECT unnest(held.places);
END $$;

-- Forget ticks that were emitted longer ago than `keep`, at most `most`; never those a schedule might still catch up. Answers how many.
CREATE FUNCTION drumbeat.prune_ticks(keep interval, most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    gone int;
BEGIN
    DELETE FROM drumbeat.tick t WHERE t.ctid = ANY (ARRAY(
        SELECT o.ctid FROM drumbeat.tick o
         WHERE o.emitted_at < clock_timestamp() - keep
           AND o.tick_at < clock_timestamp() - (SELECT coalesce(max(s.catchup_window), '0') FROM drumbeat.schedule s)
         LIMIT most));
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;

-- Look at `most` of the schedules that are to be paused when their tasks fail, those whose names come after `behind`, and pause
-- those whose last tasks, as many as they say, all failed. Tasks that were skipped or cancelled and those that have not ended say
-- nothing; of more than a hundred such in a row no more is looked at. Answers the last name looked at, NULL: there was none, and
-- the names of those paused. Waits little for others who write definitions.
CREATE FUNCTION drumbeat.pause_failing(behind text, most bigint) RETURNS TABLE (looked_to text, paused text) LANGUAGE plpgsql SET lock_timeout = '200ms' AS $$
#variable_conflict use_column
DECLARE
    last    text;
    failing text[];
BEGIN
    SELECT max(s.name), array_agg(s.name) FILTER (WHERE s.enabled AND NOT s.paused AND f.failures = s.pause_after_failures) INTO last, failing
      FROM (SELECT * FROM drumbeat.schedule x WHERE x.pause_after_failures IS NOT NULL AND x.name > behind ORDER BY x.name LIMIT most) s
     CROSS JOIN LATERAL (
           SELECT count(*) FILTER (WHERE l.status = 'ERRORED') AS failures
             FROM (SELECT e.status
                     FROM (SELECT t.task_id, t.tick_at FROM drumbeat.tick t WHERE t.schedule = s.name ORDER BY t.tick_at DESC
                            LIMIT s.pause_after_failures + 100) t
                     JOIN drumbeat.ended e ON e.task_id = t.task_id
                    WHERE e.status IN ('SUCCESS', 'ERRORED') AND e.ended_at >= s.forgiven_at
                    ORDER BY t.tick_at DESC LIMIT s.pause_after_failures) l) f;
    IF failing IS NULL THEN
        RETURN QUERY SELECT last, NULL::text WHERE last IS NOT NULL;
        RETURN;
    END IF;
    RETURN QUERY
    UPDATE drumbeat.schedule s
       SET paused = true, paused_reason = format('paused after %s failures', s.pause_after_failures), paused_by = 'beat', paused_at = clock_timestamp()
     WHERE s.name = ANY (failing) AND s.enabled AND NOT s.paused
    RETURNING last, s.name;
END $$;

-- By hand -----------------------------------------------------------------------------------------------------------------

-- Emit a tick for this moment, whatever the schedule's times and whether or not it is paused; its overlap policy holds. Answers
-- the task's id, NULL when there is no such schedule.
CREATE FUNCTION drumbeat.trigger_schedule(name text) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    moment timestamptz;
    id     uuid := drumbeat.uuid_v7();
BEGIN
    PERFORM FROM drumbeat.schedule s WHERE s.name = trigger_schedule.name FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    moment := clock_timestamp();
    INSERT INTO drumbeat.tick (schedule, tick_at, task_id, emitted_at, lateness_ms) VALUES (name, moment, id, moment, 0);
    PERFORM drumbeat.add_tick_tasks(ARRAY[name], ARRAY[id], ARRAY[moment], ARRAY[0::bigint], ARRAY[0]);
    RETURN id;
END $$;

-- Emit those of these ticks (microseconds, in their order) that have no row, whatever the schedule's mark; or only count them when
-- `dry`. Where an overlap policy or a unique key keeps tasks apart, the next is emitted when no earlier one is unfinished, so that
-- none is skipped. Answers how many of the ticks, from the first on, are dealt with, and how many were emitted; no row: there is
-- no such schedule.
CREATE FUNCTION drumbeat.backfill_schedule(name text, ticks bigint[], dry boolean) RETURNS TABLE (dealt bigint, emitted bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    moment timestamptz := clock_timestamp();
    apart  boolean; -- one task at a time
    busy   boolean;
    places bigint[];
    added  record;
BEGIN
    SELECT s.overlap <> 'allow' OR u.key IS NOT NULL,
           EXISTS (SELECT FROM drumbeat.schedule_open o WHERE o.schedule = s.name AND drumbeat.task_is_open(o.task_id))
           OR EXISTS (SELECT FROM drumbeat.unique_lock l WHERE l.name = s.handler AND l.key = u.key)
      INTO apart, busy
      FROM drumbeat.schedule s
      LEFT JOIN LATERAL (SELECT left(nullif(s.args ->> h.unique_by, ''), 500) AS key FROM drumbeat.handler h
                          WHERE h.name = s.handler COLLATE "C") u ON true
     WHERE s.name = backfill_schedule.name FOR NO KEY UPDATE OF s;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT array_agg(w.place ORDER BY w.place) INTO places FROM unnest(ticks) WITH ORDINALITY w(tick, place)
     WHERE NOT EXISTS (SELECT FROM drumbeat.tick t WHERE t.schedule = backfill_schedule.name AND t.tick_at = drumbeat.moment(w.tick));
    dealt := cardinality(ticks);
    emitted := coalesce(cardinality(places), 0);
    IF dry OR emitted = 0 THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF apart THEN
        dealt := places[1] - CASE WHEN busy THEN 1 ELSE 0 END;
        emitted := CASE WHEN busy THEN 0 ELSE 1 END;
        places := places[1 : emitted];
    END IF;
    WITH fresh AS (
        INSERT INTO drumbeat.tick (schedule, tick_at, task_id, emitted_at, lateness_ms)
        SELECT name, drumbeat.moment(ticks[p.place]), drumbeat.uuid_v7(), moment,
               greatest(0, floor(extract(epoch FROM moment - drumbeat.moment(ticks[p.place])) * 1000))::bigint
          FROM unnest(places) p(place) ORDER BY p.place
        ON CONFLICT DO NOTHING
        RETURNING tick_at, task_id, lateness_ms
    )
    SELECT count(*) AS count, array_agg(f.task_id ORDER BY f.tick_at) AS ids, array_agg(f.tick_at ORDER BY f.tick_at) AS ticks,
           array_agg(f.lateness_ms ORDER BY f.tick_at) AS late
      INTO added FROM fresh f;
    IF added.count > 0 THEN
        PERFORM drumbeat.add_tick_tasks(array_fill(name, ARRAY[added.count::int]), added.ids, added.ticks, added.late,
                                        array_fill(0, ARRAY[added.count::int]));
    END IF;
    emitted := added.count;
    RETURN NEXT;
END $$;

-- False: there is no such schedule, or it is paused already.
CREATE FUNCTION drumbeat.pause_schedule(name text, reason text DEFAULT NULL, author text DEFAULT session_user) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE drumbeat.schedule s
       SET paused = true, paused_reason = reason, paused_by = coalesce(author, session_user), paused_at = clock_timestamp()
     WHERE s.name = pause_schedule.name AND NOT s.paused;
    RETURN FOUND;
END $$;

-- False: there is no such schedule, or it is not paused. The time it was paused is not caught up.
CREATE FUNCTION drumbeat.resume_schedule(name text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE drumbeat.schedule s SET paused = false, paused_reason = NULL, paused_by = NULL, paused_at = NULL
     WHERE s.name = resume_schedule.name AND s.paused;
    RETURN FOUND;
END $$;
