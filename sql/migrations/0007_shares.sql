-- Limits that hold over all workers: how many tasks of a queue, of a handler or of a key run at once, and how many start in a time.
--
-- A task under a limit waits in `gated` before it may be ready. It passes its gates one by one, rates first and the slowest of them before the others,
-- then slots in the order of their stages, so each waiting list is of one gate and nobody waits in a circle:
--
--     1 rate key X   2 rate handler X   3 rate queue X     so many are called on as there are tokens; one is spent when the task is ready
--     4 key X   5 handler X   6 queue X                    a slot each, held until the task ends or waits again
--     0 pause Q, nobody Q N                   outside of all gates: the queue is paused; no worker has handler N for it
--
-- A limit is a number of rows in `slot`, never a counter. Two moves keep it, neither waits for another's transaction:
--     hand over  whoever ends a task deletes its slots and in the same transaction inserts one for the next at that gate: the number stays
--     let in     only a keeper adds slots (admit), under the gate's advisory lock and after counting. Keepers are rung for by an enqueue
--                and by a hand-over that found nobody; what one cannot have, because another counts just now, that one hears of too
-- so an application may keep the transaction of its enqueue open as long as it likes.
--
-- Nobody waits for a rate with a slot in his hands, and no token is spent by one who then waits for a slot. Who is called on at a rate gate and has further
-- gates before him holds a permit: a row of `slot` at that gate. Tokens less permits are how many more may be called. The keeper that finds a
-- permit whose task waits at no other gate any more spends a token for it. Of two rates the slower one is passed first: who has its permit soon has the
-- faster one's, while those who are under the faster one alone would wait for the slower one, too, if somebody waited there with a permit of theirs.

-- What is limited. kind keys: each key that is taken from the arguments of handler `name`. A key of which nothing is said has one slot.
CREATE TABLE drumbeat.limit_rule (
    kind      text COLLATE "C" NOT NULL CHECK (kind IN ('key', 'keys', 'handler', 'queue')),
    name      text COLLATE "C" NOT NULL,
    slots     integer CHECK (slots BETWEEN 1 AND 1000000000),
    rate      text,
    step      interval, -- between two starts at that rate
    by_config boolean NOT NULL,
    set_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, name)
);

-- When the next token of a rate is there. A token bucket that holds what comes in 0.09 s, at least one.
CREATE TABLE drumbeat.bucket (
    gate    text COLLATE "C" PRIMARY KEY,
    free_at timestamptz NOT NULL,
    step    interval NOT NULL, -- the rate's when that was written
    flow    smallint NOT NULL, -- whose task took the last one
    turns   integer NOT NULL   -- and how many of that flow's did so one after another
) WITH (fillfactor = 50);

-- Gates that may have more slots in use than they have now: nothing is handed over there until a keeper has counted.
CREATE TABLE drumbeat.lowered (
    gate text COLLATE "C" PRIMARY KEY
);

-- '10/s', '600/m', '5/10m' as the time between two starts. NULL: it is no rate.
CREATE FUNCTION drumbeat.rate_step(rate text) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN m[1]::numeric BETWEEN 1 AND 1000000 AND coalesce(nullif(m[2], ''), '1')::numeric BETWEEN 1 AND 1000000
                THEN make_interval(secs => coalesce(nullif(m[2], ''), '1')::float8 / m[1]::float8
                                           * CASE m[3] WHEN 's' THEN 1 WHEN 'm' THEN 60 WHEN 'h' THEN 3600 ELSE 86400 END) END
      FROM regexp_match(rate, '^([0-9]{1,7})/([0-9]{0,7})([smhd])$') m
$$;

-- The rule for a key, handler or queue. No row: nothing limits it.
CREATE FUNCTION drumbeat.limit_of(kind text, name text, OUT slots int, OUT step interval) RETURNS SETOF record LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT r.slots, r.step FROM drumbeat.limit_rule r WHERE r.kind = limit_of.kind COLLATE "C" AND r.name = limit_of.name COLLATE "C";
    IF NOT FOUND AND kind = 'key' THEN
        RETURN QUERY SELECT r.slots, r.step FROM drumbeat.limit_rule r
                      WHERE r.kind = 'keys' AND starts_with(limit_of.name, r.name || '/') ORDER BY length(r.name) DESC LIMIT 1;
        IF NOT FOUND THEN
            RETURN QUERY SELECT 1, NULL::interval;
        END IF;
    END IF;
END $$;

-- The rule for a gate of the stages 1 to 6.
CREATE FUNCTION drumbeat.gate_limit(gate text, OUT slots int, OUT step interval) LANGUAGE sql STABLE AS $$
    SELECT l.slots, l.step
      FROM (SELECT regexp_replace(gate, '^rate ', '') AS thing) g, drumbeat.limit_of(split_part(g.thing, ' ', 1), substr(g.thing, strpos(g.thing, ' ') + 1)) l
$$;

-- The gate that the task has to pass when it has permits of these rates and has passed the slots up to stage `after`; NULL: none is left.
CREATE FUNCTION drumbeat.next_gate(body drumbeat.task_body, after int, permits int[] DEFAULT '{}', OUT stage int, OUT gate text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    key_slots int;
    key_step  interval;
    applies   boolean[];  -- handler and queue have slots
    steps     interval[]; -- of the rates of key, handler and queue
BEGIN
    IF body.limit_key IS NOT NULL AND after < 4 THEN -- its gates are 1 and 4
        SELECT r.slots, r.step INTO key_slots, key_step FROM drumbeat.limit_rule r WHERE r.kind = 'key' AND r.name = body.limit_key COLLATE "C";
        IF NOT FOUND THEN
            SELECT l.slots, l.step INTO key_slots, key_step FROM drumbeat.limit_of('key', body.limit_key) l;
        END IF;
    END IF;
    SELECT ARRAY[bool_or(r.kind = 'handler' AND r.slots IS NOT NULL), bool_or(r.kind = 'queue' AND r.slots IS NOT NULL)],
           ARRAY[key_step, max(r.step) FILTER (WHERE r.kind = 'handler'), max(r.step) FILTER (WHERE r.kind = 'queue')]
      INTO applies, steps
      FROM (VALUES ('handler', body.name), ('queue', body.queue)) v(kind, name)
      JOIN drumbeat.limit_rule r ON r.kind = v.kind COLLATE "C" AND r.name = v.name COLLATE "C";
    IF after < 4 AND coalesce(steps[1], steps[2], steps[3]) IS NOT NULL THEN
        SELECT s.number INTO stage FROM unnest(steps) WITH ORDINALITY s(step, number)
         WHERE s.step IS NOT NULL AND s.number <> ALL (permits) ORDER BY s.step DESC, s.number LIMIT 1;
    END IF;
    stage := CASE WHEN stage IS NOT NULL THEN stage
                  WHEN after < 4 AND key_slots IS NOT NULL THEN 4
                  WHEN after < 5 AND applies[1] THEN 5
                  WHEN after < 6 AND applies[2] THEN 6 END;
    gate := CASE WHEN stage < 4 THEN 'rate ' ELSE '' END
            || CASE stage WHEN 1 THEN 'key ' || body.limit_key WHEN 2 THEN 'handler ' || body.name WHEN 3 THEN 'queue ' || body.queue
                          WHEN 4 THEN 'key ' || body.limit_key WHEN 5 THEN 'handler ' || body.name WHEN 6 THEN 'queue ' || body.queue END;
END $$;

-- Tell the keepers that somebody may be let in at these gates.
-- (As SQL functions this one and has_worker() would be planned anew in each transaction.)
CREATE FUNCTION drumbeat.ring_gates(gates text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    gate text;
BEGIN
    IF cardinality(gates) > 50 THEN
        PERFORM pg_notify('drumbeat', 'gates');
        RETURN;
    END IF;
    FOREACH gate IN ARRAY coalesce(gates, '{}') LOOP -- the server drops those that it was told before
        PERFORM pg_notify('drumbeat', 'gate ' || gate);
    END LOOP;
END $$;

-- A child that settles and claims in one transaction holds back its bells in between (sql/queries/worker/hold_bells.sql): most of what it
-- makes ready it claims itself. claim() rings for the rest.
CREATE FUNCTION drumbeat.ring_held() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held text := trim(',' FROM current_setting('drumbeat.held'));
    bell text;
    part text[];
BEGIN
    PERFORM set_config('drumbeat.held', '', true);
    FOREACH bell IN ARRAY string_to_array(held, ',') LOOP
        part := string_to_array(bell, ' ');
        IF EXISTS (SELECT FROM drumbeat.ready r WHERE r.queue = part[1] AND r.priority = part[2]::smallint AND r.flow = part[3]::smallint
                                                  AND r.seq > part[4]::bigint) THEN
            PERFORM drumbeat.ring(part[1], part[2]::int, part[3]::int, part[4]::bigint);
        END IF;
    END LOOP;
END $$;

-- Let tasks wait that have their bodies: at their first gates, or as ready when they have none. Element n of each array belongs to one task.
CREATE FUNCTION drumbeat.line_up_many(ids uuid[], attempts int[], allowed int[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    low   bigint;
    gates text[];
    out   int;
    bell  record;
    celery boolean := EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.protocol = 'celery');
BEGIN
    PERFORM pg_current_xact_id();
    low := nextval('drumbeat.ready_seq');
    WITH task AS MATERIALIZED (
        SELECT t.id, t.attempt, t.allowed, t.place, b.queue, b.priority, drumbeat.flow_of(b.tenant) AS flow, b.name, b.external_id, g.stage, g.gate,
               celery AND drumbeat.goes_out(b.queue, b.id) AS goes_out
          FROM unnest(ids, attempts, allowed) WITH ORDINALITY t(id, attempt, allowed, place)
          JOIN drumbeat.task_body b ON b.id = t.id
         CROSS JOIN LATERAL drumbeat.next_gate(b, 0) g
    ), held AS (
        INSERT INTO drumbeat.gated (gate, priority, flow, task_id, stage, attempt, allowed)
        SELECT t.gate, t.priority, t.flow, t.id, t.stage, t.attempt, t.allowed FROM task t WHERE t.gate IS NOT NULL ORDER BY t.place
        RETURNING gate
    ), free AS (
        INSERT INTO drumbeat.ready (queue, priority, flow, task_id, name, attempt, allowed)
        SELECT t.queue, t.priority, t.flow, t.id, t.name, t.attempt, t.allowed FROM task t WHERE t.gate IS NULL AND NOT t.goes_out ORDER BY t.place
    ), outgoing AS (
        INSERT INTO drumbeat.sent (task_id, external_id, queue, attempt, allowed)
        SELECT t.id, coalesce(t.external_id, t.id::text), t.queue, t.attempt, t.allowed FROM task t WHERE t.gate IS NULL AND t.goes_out ORDER BY t.place
        RETURNING task_id
    )
    SELECT (SELECT array_agg(DISTINCT h.gate) FROM held h), (SELECT count(*) FROM outgoing) INTO gates, out;
    IF out > 0 THEN
        PERFORM pg_notify('drumbeat', 'outgoing');
    END IF;
    PERFORM drumbeat.ring_gates(gates);
    FOR bell IN SELECT DISTINCT r.queue, r.priority, r.flow FROM drumbeat.ready r WHERE r.task_id = ANY (ids) LOOP
        PERFORM drumbeat.ring(bell.queue, bell.priority, bell.flow, low);
    END LOOP;
END $$;

-- Let the task of `g` through the gate at which it waits, with a slot or permit of it when the gate has any. Those that were called on at
-- a rate are at other gates a flow of their own, 4096, behind all tenants': they take turns with whoever waits there. Answers the gate at which it waits now;
-- NULL: it is ready; '': nobody could claim it, so it waits outside and `g` stays open for another.
CREATE FUNCTION drumbeat.pass(g drumbeat.gated, takes_slot boolean, turns int) RETURNS text LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    known   record;
    body    drumbeat.task_body;
    next    record;
    permits int[];
    called  boolean;
    outside text;
    left_   text[];
BEGIN
    DELETE FROM drumbeat.gated x WHERE x.task_id = g.task_id;
    SELECT b AS body, EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = b.queue COLLATE "C" AND q.paused) AS paused INTO known
      FROM drumbeat.task_body b WHERE b.id = g.task_id;
    body := known.body;
    IF known.paused THEN
        outside := 'pause ' || body.queue;
    ELSIF NOT drumbeat.has_worker(body.queue, body.name) THEN
        outside := 'nobody ' || body.queue || ' ' || body.name;
    END IF;
    IF outside IS NOT NULL THEN
        INSERT INTO drumbeat.gated (gate, priority, flow, seq, task_id, stage, attempt, allowed)
        VALUES (outside, g.priority, g.flow, g.seq, g.task_id, 0, g.attempt, g.allowed);
        WITH gone AS (DELETE FROM drumbeat.slot s WHERE s.task_id = g.task_id RETURNING s.gate) SELECT array_agg(gone.gate) INTO left_ FROM gone;
        PERFORM drumbeat.ring_gates(left_);
        RETURN '';
    END IF;
    IF g.stage > 3 THEN
        next := drumbeat.next_gate(body, g.stage);
    ELSE
        permits := ARRAY(SELECT s.stage::int FROM drumbeat.slot s WHERE s.task_id = g.task_id AND s.stage < 4);
        next := drumbeat.next_gate(body, 0, permits);
        takes_slot := takes_slot AND next.stage IS NOT DISTINCT FROM g.stage; -- else a slower rate came up since it began to wait here
        IF takes_slot THEN
            next := drumbeat.next_gate(body, 0, permits || g.stage::int);
        END IF;
    END IF;
    IF takes_slot AND (g.stage > 3 OR next.gate IS NOT NULL) THEN
        INSERT INTO drumbeat.slot (task_id, stage, gate, priority, flow, seq, turns)
        VALUES (g.task_id, g.stage, g.gate, g.priority, g.flow, g.seq, pass.turns);
    END IF;
    IF next.gate IS NULL THEN
        PERFORM drumbeat.make_ready(body, nextval('drumbeat.ready_seq'), g.attempt, g.allowed, limited => true);
        IF g.flow = 4096 THEN
            SELECT array_agg(s.gate) INTO left_ FROM drumbeat.slot s WHERE s.task_id = g.task_id AND s.stage < 4;
            PERFORM drumbeat.ring_gates(left_);
        END IF;
    ELSE
        called := takes_slot AND g.stage BETWEEN 1 AND 3;
        INSERT INTO drumbeat.gated (gate, priority, flow, seq, task_id, stage, attempt, allowed)
        VALUES (next.gate, g.priority, CASE WHEN called THEN 4096 ELSE g.flow END, CASE WHEN called THEN nextval('drumbeat.ready_seq') ELSE g.seq END,
                g.task_id, next.stage, g.attempt, g.allowed);
    END IF;
    RETURN next.gate;
END $$;

-- Whether some worker has the handler and serves the queue. Of Celery's nobody knows.
CREATE FUNCTION drumbeat.has_worker(queue text, name text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF EXISTS (SELECT FROM drumbeat.worker w WHERE has_worker.name = ANY (w.names)
                  AND CASE WHEN w.queues IS NULL THEN NOT starts_with(has_worker.queue, 'run.') ELSE has_worker.queue = ANY (w.queues) END) THEN
        RETURN true;
    END IF;
    RETURN EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = has_worker.queue COLLATE "C" AND q.protocol = 'celery');
END $$;

-- How many tasks of a flow may follow each other at a gate while others wait: the weight of the tenants in it, 1 for one of which nothing is said.
CREATE FUNCTION drumbeat.flow_weight(flow int) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT max(t.weight) FROM drumbeat.tenant t WHERE drumbeat.flow_of(t.name) = flow_weight.flow), 1);
END $$;

-- Lock the task whose turn it is at a gate after one of (priority, flow, seq) went through, the last of `turns` of that flow: the most urgent
-- first, tasks that come back before others, then the same flow until it has had its weight, then the next flow in a circle, then by age. What lies left of `seq` in the same flow went through before: it is looked at only now
-- and then, for what committed late, because rows that went are in the way as long as any transaction can see them.
CREATE FUNCTION drumbeat.next_waiting(gate text, priority int, flow int, seq bigint, turns int, OUT task drumbeat.gated) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    p    smallint := next_waiting.priority;
    f    smallint := next_waiting.flow;
    low  bigint := CASE WHEN random() < 0.02 THEN 0 ELSE next_waiting.seq END;
    seen record; -- where anybody waits, so that only those places are looked at which have somebody
BEGIN
    SELECT EXISTS (SELECT FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority < p) AS urgent,
           EXISTS (SELECT FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority = p AND g.flow = -1) AS back,
           EXISTS (SELECT FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority = p AND g.flow > f) AS behind,
           EXISTS (SELECT FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority = p AND g.flow < f) AS before INTO seen;
    IF seen.urgent THEN
        SELECT * INTO task FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority < p ORDER BY g.priority, g.flow, g.seq LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF task.task_id IS NULL AND seen.back THEN
        SELECT * INTO task FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority = p AND g.flow = -1 ORDER BY g.seq LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF task.task_id IS NULL AND (seen.behind OR seen.before) AND turns < drumbeat.flow_weight(f) THEN
        SELECT * INTO task FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority = p AND g.flow = f AND g.seq > low ORDER BY g.seq LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF task.task_id IS NULL AND seen.behind THEN
        SELECT * INTO task FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority = p AND g.flow > f ORDER BY g.flow, g.seq LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF task.task_id IS NULL AND seen.before THEN
        SELECT * INTO task FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority = p AND g.flow < f ORDER BY g.flow, g.seq LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF task.task_id IS NULL THEN
        SELECT * INTO task FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority = p AND g.flow = f AND g.seq > low ORDER BY g.seq LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
    IF task.task_id IS NULL THEN
        SELECT * INTO task FROM drumbeat.gated g WHERE g.gate = next_waiting.gate AND g.priority >= p ORDER BY g.priority, g.flow, g.seq LIMIT 1 FOR UPDATE SKIP LOCKED;
    END IF;
END $$;

-- Let one in after (priority, flow, seq, turns), which come back as those of the task that went through. `entered`: the gate at which it waits next,
-- NULL: it is ready. Not `someone`: nobody waits.
CREATE FUNCTION drumbeat.let_in(gate text, takes_slot boolean, INOUT priority int, INOUT flow int, INOUT seq bigint, INOUT turns int, OUT someone boolean,
                                OUT entered text)
LANGUAGE plpgsql AS $$
DECLARE
    parks constant int := 1000;
    most  constant int := 1000000; -- turns worth counting
    g     drumbeat.gated;
    had   int;
BEGIN
    someone := false;
    FOR i IN 1 .. parks LOOP
        g := drumbeat.next_waiting(gate, priority, flow, seq, turns);
        EXIT WHEN g.task_id IS NULL;
        had := CASE WHEN g.flow = flow THEN least(turns, most) ELSE 0 END;
        priority := g.priority;
        flow := g.flow;
        seq := g.seq;
        entered := drumbeat.pass(g, takes_slot, had + 1);
        someone := entered IS DISTINCT FROM '';
        turns := CASE WHEN someone THEN had + 1 ELSE had END;
        EXIT WHEN someone;
    END LOOP;
END $$;

-- Give up the slots of tasks, and hand each over to the next that waits for it. Permits stay: a keeper spends the token.
CREATE FUNCTION drumbeat.release(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    freed   drumbeat.slot[];
    one     drumbeat.slot;
    went    record;
    served  text[] := '{}';
    entered text[] := '{}';
    dry     text[] := '{}';
BEGIN
    WITH gone AS (DELETE FROM drumbeat.slot s WHERE s.task_id = ANY (ids) AND s.stage > 3 RETURNING s AS was, s.stage)
    SELECT array_agg(g.was ORDER BY g.stage) INTO freed FROM gone g;
    IF freed IS NULL THEN
        RETURN;
    END IF;
    FOREACH one IN ARRAY freed LOOP
        IF EXISTS (SELECT FROM drumbeat.lowered l WHERE l.gate = one.gate) THEN
            dry := dry || one.gate;
            CONTINUE;
        END IF;
        went := drumbeat.let_in(one.gate, true, one.priority, one.flow, one.seq, one.turns);
        IF NOT went.someone THEN
            dry := dry || one.gate;
            CONTINUE;
        END IF;
        served := served || one.gate;
        IF went.entered IS NOT NULL THEN
            entered := entered || went.entered;
        END IF;
    END LOOP;
    -- A task that went on to a gate which gave nothing away may find a free slot there.
    IF entered <> '{}' THEN
        dry := dry || ARRAY(SELECT e FROM unnest(entered) e EXCEPT ALL SELECT s FROM unnest(served) s);
    END IF;
    IF dry <> '{}' THEN
        PERFORM drumbeat.ring_gates(dry);
    END IF;
END $$;

-- Let in at one gate what may go in. `more`: there may be more to do at once. `wait`: microseconds until the next token.
-- `entered`: the gates to look at next.
CREATE FUNCTION drumbeat.admit_at(gate text, OUT entered text[], OUT more boolean, OUT wait bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    most constant int := 200;
    kind   text := split_part(admit_at.gate, ' ', 1);
    moment timestamptz := clock_timestamp();
    slots  int;
    step   interval;
    room   int := most; -- when nothing limits it any more
    free   timestamptz;
    said   interval;    -- the rate's step when the bucket was written
    at_    record;      -- (priority, flow, seq, turns) of what went through last
    took   int := 0;
    spent  int := 0;    -- tokens, by those that are ready
    called int := 0;    -- permits
BEGIN
    entered := '{}';
    more := false;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('drumbeat gate ' || admit_at.gate, 0)) THEN
        wait := CASE WHEN kind = 'rate' THEN 2000 END;
        RETURN;
    END IF;
    IF kind = 'pause' THEN
        room := CASE WHEN EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = split_part(admit_at.gate, ' ', 2) AND q.paused) THEN 0 ELSE most END;
    ELSIF kind = 'nobody' THEN
        room := CASE WHEN drumbeat.has_worker(split_part(admit_at.gate, ' ', 2), split_part(admit_at.gate, ' ', 3)) THEN most ELSE 0 END;
    ELSE
        SELECT l.slots, l.step INTO slots, step FROM drumbeat.gate_limit(admit_at.gate) l;
    END IF;
    SELECT g.priority::int AS priority, floor(random() * 4096)::int AS flow, 0::bigint AS seq, 0 AS turns, true AS someone, NULL::text AS entered INTO at_
      FROM drumbeat.gated g WHERE g.gate = admit_at.gate ORDER BY g.priority LIMIT 1;
    IF kind = 'rate' THEN
        slots := NULL;
        WITH gone AS (
            DELETE FROM drumbeat.slot s
             WHERE s.gate = admit_at.gate AND (step IS NULL OR NOT EXISTS (SELECT FROM drumbeat.gated g WHERE g.task_id = s.task_id AND g.stage <> s.stage))
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM drumbeat.slot s WHERE s.gate = admit_at.gate) INTO spent, called;
        called := called - spent;
        IF step IS NOT NULL THEN
            SELECT b.free_at, b.step, b.flow, b.turns INTO free, said, at_.flow, at_.turns FROM drumbeat.bucket b WHERE b.gate = admit_at.gate;
            -- The bucket holds what comes in 0.09 s. After a change of the rate the next token is no further than a step.
            free := greatest(coalesce(free, moment), moment - interval '90 milliseconds');
            free := CASE WHEN step <> said THEN least(free, moment + step) ELSE free END + spent * step;
            room := CASE WHEN free > moment THEN 0 ELSE least(most, floor(extract(epoch FROM moment - free) / extract(epoch FROM step)) + 1 - called) END;
        END IF;
    ELSIF slots IS NOT NULL THEN
        room := least(most, slots - (SELECT count(*) FROM drumbeat.slot s WHERE s.gate = admit_at.gate));
        IF room >= 0 THEN
            DELETE FROM drumbeat.lowered l WHERE l.gate = admit_at.gate;
        END IF;
    END IF;
    WHILE at_.priority IS NOT NULL AND took < room LOOP
        SELECT * INTO at_ FROM drumbeat.let_in(admit_at.gate, slots IS NOT NULL OR (kind = 'rate' AND step IS NOT NULL), at_.priority, coalesce(at_.flow, 0),
                                               at_.seq, coalesce(at_.turns, 0));
        EXIT WHEN NOT at_.someone;
        took := took + 1;
        entered := entered || at_.entered;
        IF at_.entered IS NULL THEN
            free := free + step;
            spent := spent + 1;
        ELSE
            called := called + 1;
        END IF;
    END LOOP;
    more := took = most;
    IF step IS NOT NULL AND kind = 'rate' THEN
        IF took + spent > 0 OR step <> said THEN
            INSERT INTO drumbeat.bucket AS b (gate, free_at, step, flow, turns) VALUES (admit_at.gate, free, step, coalesce(at_.flow, 0), coalesce(at_.turns, 0))
            ON CONFLICT ON CONSTRAINT bucket_pkey DO UPDATE SET free_at = excluded.free_at, step = excluded.step, flow = excluded.flow, turns = excluded.turns;
        END IF;
        IF at_.someone AND (free > moment OR called = 0) THEN -- else whoever was called on rings when it is ready
            wait := greatest(0, extract(epoch FROM free - clock_timestamp()) * 1000000);
        END IF;
    END IF;
END $$;

-- For keepers: let in at these gates and at those that follow. With `after` also at all others behind it in the order of names, at most 500 of
-- them: `next` is where to go on, NULL when this was the last. `wait`: microseconds until one of these gates has the next token for somebody.
CREATE FUNCTION drumbeat.admit(gates text[], after text, OUT next text, OUT wait bigint) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
    todo text[] := gates;
    gate text;
    came record;
    i    int := 1;
BEGIN
    next := after;
    WHILE next IS NOT NULL AND cardinality(todo) < 500 LOOP
        SELECT g.gate INTO next FROM drumbeat.gated g WHERE g.gate > next ORDER BY g.gate LIMIT 1;
        todo := todo || next;
    END LOOP;
    WHILE i <= cardinality(todo) AND i <= 2000 LOOP
        gate := todo[i];
        i := i + 1;
        CONTINUE WHEN gate IS NULL;
        SELECT * INTO came FROM drumbeat.admit_at(gate);
        todo := todo || ARRAY(SELECT DISTINCT e FROM unnest(came.entered) e EXCEPT SELECT t FROM unnest(todo[i:]) t);
        wait := least(wait, came.wait);
        IF came.more THEN
            PERFORM drumbeat.ring_gates(ARRAY[gate]);
        END IF;
    END LOOP;
END $$;

-- Put what waits in a queue that was paused outside of all gates, without its slots.
CREATE FUNCTION drumbeat.put_outside(queue text) RETURNS void LANGUAGE plpgsql SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    ids uuid[];
BEGIN
    WITH limited AS MATERIALIZED (
        SELECT DISTINCT s.task_id FROM drumbeat.slot s JOIN drumbeat.task_body b ON b.id = s.task_id WHERE b.queue = put_outside.queue
    ), ready AS (
        DELETE FROM drumbeat.ready r
         WHERE r.ctid = ANY (ARRAY(SELECT t.ctid FROM limited l JOIN drumbeat.ready t ON t.task_id = l.task_id FOR UPDATE OF t SKIP LOCKED))
        RETURNING r.priority, r.flow, r.seq, r.task_id, r.attempt, r.allowed
    ), gated AS (
        DELETE FROM drumbeat.gated g
         WHERE g.ctid = ANY (ARRAY(SELECT t.ctid FROM limited l JOIN drumbeat.gated t ON t.task_id = l.task_id FOR UPDATE OF t SKIP LOCKED))
        RETURNING g.priority, g.flow, g.seq, g.task_id, g.attempt, g.allowed
    ), outside AS (
        INSERT INTO drumbeat.gated (gate, priority, flow, seq, task_id, stage, attempt, allowed)
        SELECT 'pause ' || queue, x.priority, x.flow, x.seq, x.task_id, 0, x.attempt, x.allowed FROM (SELECT * FROM ready UNION ALL SELECT * FROM gated) x
        RETURNING task_id
    )
    SELECT array_agg(o.task_id) INTO ids FROM outside o;
    IF ids IS NOT NULL THEN
        PERFORM drumbeat.release(ids);
    END IF;
END $$;

-- Whether a task that this worker could claim waits at a gate that has room for it. Looks at 1000 gates.
CREATE FUNCTION drumbeat.claimable_gated(queues text[], names text[]) RETURNS boolean LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
DECLARE
    next text := '';
    rule record;
BEGIN
    FOR i IN 1 .. 1000 LOOP
        SELECT g.gate INTO next FROM drumbeat.gated g WHERE g.gate > next ORDER BY g.gate LIMIT 1;
        EXIT WHEN NOT FOUND;
        CONTINUE WHEN split_part(next, ' ', 1) IN ('pause', 'nobody');
        SELECT * INTO rule FROM drumbeat.gate_limit(next);
        CONTINUE WHEN starts_with(next, 'rate ') AND EXISTS (SELECT FROM drumbeat.bucket b WHERE b.gate = next
                                                                AND least(b.free_at, clock_timestamp() + rule.step) > clock_timestamp() + interval '1 second');
        CONTINUE WHEN starts_with(next, 'rate ') AND EXISTS (SELECT FROM drumbeat.slot s JOIN drumbeat.gated g ON g.task_id = s.task_id AND g.stage <> s.stage
                                                              WHERE s.gate = next); -- the one that was called on waits at another gate
        CONTINUE WHEN NOT starts_with(next, 'rate ') AND rule.slots <= (SELECT count(*) FROM drumbeat.slot s WHERE s.gate = next);
        IF EXISTS (SELECT FROM drumbeat.gated g JOIN drumbeat.task_body b ON b.id = g.task_id
                    WHERE g.gate = next AND b.name = ANY (names)
                      AND CASE WHEN queues IS NULL THEN NOT starts_with(b.queue, 'run.') ELSE b.queue = ANY (queues) END
                      AND NOT EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = b.queue COLLATE "C" AND q.paused)) THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END $$;

-- Slots of tasks that neither wait nor run: whatever left them behind, they are given on. Of permits that nobody has seen, keepers are told.
CREATE FUNCTION drumbeat.sweep_slots() RETURNS int LANGUAGE plpgsql SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    ids   uuid[];
    gates text[];
BEGIN
    SELECT array_agg(DISTINCT s.gate) INTO gates FROM drumbeat.slot s
     WHERE s.stage < 4 AND NOT EXISTS (SELECT FROM drumbeat.gated g WHERE g.task_id = s.task_id AND g.stage <> s.stage);
    PERFORM drumbeat.ring_gates(gates);
    SELECT array_agg(DISTINCT s.task_id) INTO ids FROM drumbeat.slot s
     WHERE s.stage > 3 AND NOT EXISTS (SELECT FROM drumbeat.ready r WHERE r.task_id = s.task_id) AND NOT EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = s.task_id)
       AND NOT EXISTS (SELECT FROM drumbeat.gated g WHERE g.task_id = s.task_id);
    IF ids IS NOT NULL THEN
        PERFORM drumbeat.release(ids);
    END IF;
    RETURN coalesce(cardinality(ids), 0);
END $$;

-- Changing limits ----------------------------------------------------------------------------------------------------------

-- Let the ready tasks that a rule is about begin at their first gates again, those that wait behind its gates too, and count those that run. `rated`:
-- it has a rate that it did not have, so those under it pass the slowest of their rates first again.
CREATE FUNCTION drumbeat.apply_limit(kind text, name text, slots int, rated boolean) RETURNS void LANGUAGE plpgsql SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    number   constant int := CASE kind WHEN 'handler' THEN 5 WHEN 'queue' THEN 6 ELSE 4 END;
    behind   constant int := CASE WHEN rated THEN number - 3 ELSE number END;
    ids      uuid[];
    attempts int[];
    allowed  int[];
    gates    text[];
BEGIN
    -- Those that run hold a slot from now on.
    IF slots IS NOT NULL THEN
        INSERT INTO drumbeat.slot (task_id, stage, gate, priority, flow, seq)
        SELECT r.task_id, number,
               CASE kind WHEN 'keys' THEN 'key ' || b.limit_key ELSE kind || ' ' || name END, b.priority, drumbeat.flow_of(b.tenant), r.seq
          FROM drumbeat.running r JOIN drumbeat.task_body b ON b.id = r.task_id
         WHERE CASE kind WHEN 'key' THEN b.limit_key = name WHEN 'keys' THEN starts_with(b.limit_key, name || '/') WHEN 'handler' THEN b.name = name ELSE b.queue = name END
        ON CONFLICT DO NOTHING;
    END IF;
    WITH gone AS (
        DELETE FROM drumbeat.ready r
         WHERE r.ctid = ANY (ARRAY(SELECT t.ctid FROM drumbeat.ready t JOIN drumbeat.task_body b ON b.id = t.task_id
                                    WHERE CASE kind WHEN 'key' THEN b.limit_key = name WHEN 'keys' THEN starts_with(b.limit_key, name || '/')
                                                    WHEN 'handler' THEN t.name = name ELSE t.queue = name END
                                      FOR UPDATE OF t SKIP LOCKED))
        RETURNING r.task_id, r.seq, r.attempt, r.allowed
    ), later AS (
        DELETE FROM drumbeat.gated g
         WHERE g.ctid = ANY (ARRAY(SELECT t.ctid FROM drumbeat.gated t JOIN drumbeat.task_body b ON b.id = t.task_id
                                    WHERE (t.stage > behind OR (rated AND EXISTS (SELECT FROM drumbeat.slot s WHERE s.task_id = t.task_id AND s.stage < 4)))
                                      AND CASE kind WHEN 'key' THEN b.limit_key = name WHEN 'keys' THEN starts_with(b.limit_key, name || '/')
                                                    WHEN 'handler' THEN b.name = name ELSE b.queue = name END
                                      FOR UPDATE OF t SKIP LOCKED))
        RETURNING g.task_id, g.seq, g.attempt, g.allowed
    )
    SELECT array_agg(g.task_id ORDER BY g.seq), array_agg(g.attempt ORDER BY g.seq), array_agg(g.allowed ORDER BY g.seq)
      INTO ids, attempts, allowed FROM (SELECT * FROM gone UNION ALL SELECT * FROM later) g;
    IF ids IS NOT NULL THEN
        WITH gone AS (DELETE FROM drumbeat.slot s WHERE s.task_id = ANY (ids) RETURNING s.gate) SELECT array_agg(DISTINCT g.gate) INTO gates FROM gone g;
        PERFORM drumbeat.ring_gates(gates);
        PERFORM drumbeat.line_up_many(ids, attempts, allowed);
    END IF;
END $$;

CREATE FUNCTION drumbeat.change_limit(kind text, name text, slots int, rate text, by_config boolean) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    was record;
    gate text := CASE WHEN kind = 'keys' THEN 'key ' || name || '/' ELSE kind || ' ' || name END;
    rated boolean;
BEGIN
    -- One at a time: two that change the same rule must see each other's.
    PERFORM pg_advisory_xact_lock(hashtextextended('drumbeat limit ' || kind || ' ' || name, 0));
    SELECT * INTO was FROM drumbeat.limit_of(CASE WHEN kind = 'keys' THEN 'key' ELSE kind END, CASE WHEN kind = 'keys' THEN name || '/' ELSE name END);
    rated := rate IS NOT NULL AND drumbeat.rate_step(rate) IS DISTINCT FROM was.step;
    IF slots IS NULL AND rate IS NULL THEN
        DELETE FROM drumbeat.limit_rule r WHERE r.kind = change_limit.kind AND r.name = change_limit.name;
    ELSE
        INSERT INTO drumbeat.limit_rule AS r (kind, name, slots, rate, step, by_config) VALUES (kind, name, slots, rate, drumbeat.rate_step(rate), by_config)
        ON CONFLICT ON CONSTRAINT limit_rule_pkey DO UPDATE
        SET slots = excluded.slots, rate = excluded.rate, step = excluded.step, by_config = excluded.by_config, set_at = clock_timestamp();
    END IF;
    IF slots IS NULL AND rate IS NULL AND kind IN ('key', 'keys') THEN
        slots := 1; -- what a key has of which nothing is said
    END IF;
    IF slots IS NULL THEN
        DELETE FROM drumbeat.slot s WHERE s.gate = gate OR (kind = 'keys' AND starts_with(s.gate, gate));
    ELSIF slots < was.slots OR was.slots IS NULL THEN
        INSERT INTO drumbeat.lowered (gate)
        SELECT gate WHERE kind <> 'keys' UNION SELECT s.gate FROM drumbeat.slot s WHERE kind = 'keys' AND starts_with(s.gate, gate)
        ON CONFLICT DO NOTHING;
    END IF;
    IF slots < was.slots OR (slots IS NOT NULL AND was.slots IS NULL) OR rated THEN
        PERFORM drumbeat.apply_limit(kind, name, slots, rated);
    END IF;
    IF kind = 'keys' THEN
        PERFORM pg_notify('drumbeat', 'gates');
    ELSE
        PERFORM drumbeat.ring_gates(ARRAY[gate, 'rate ' || gate]);
    END IF;
END $$;

-- Limit how many tasks of a queue, a handler, a key (kind key) or of each key that is taken from a handler's arguments (keys) run at once
-- and how many start in a time ('10/s', '600/m', '5/10m'), whatever the configuration says. NULL: any number. Takes effect at once, also for
-- tasks that are ready; what runs goes on.
CREATE FUNCTION drumbeat.set_limit(kind text, name text, slots int DEFAULT NULL, rate text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM drumbeat.refuse_unless(kind IN ('key', 'keys', 'handler', 'queue') IS TRUE, 'a limit is of a queue, handler, key or keys');
    PERFORM drumbeat.refuse_unless(length(name) BETWEEN 1 AND 500 IS TRUE, 'the name must be 1 to 500 characters');
    PERFORM drumbeat.refuse_unless(slots IS NOT NULL OR rate IS NOT NULL, 'give a limit, a rate or both; clear_limit() ends them');
    PERFORM drumbeat.refuse_unless(slots IS NULL OR slots BETWEEN 1 AND 1000000000, format('limit %s is not between 1 and 1000000000', slots));
    PERFORM drumbeat.refuse_unless(rate IS NULL OR drumbeat.rate_step(rate) IS NOT NULL, format('rate %L is not like 10/s, 600/m or 5/10m', rate));
    PERFORM drumbeat.change_limit(kind, name, slots, rate, false);
END $$;

-- End it: nothing limits a queue or handler any more, and a key has one slot. What the configuration says comes back with the next worker
-- that starts. False: there was none.
CREATE FUNCTION drumbeat.clear_limit(kind text, name text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    PERFORM FROM drumbeat.limit_rule r WHERE r.kind = clear_limit.kind COLLATE "C" AND r.name = clear_limit.name COLLATE "C";
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM drumbeat.change_limit(kind, name, NULL, NULL, false);
    RETURN true;
END $$;

-- What a worker's configuration says of its handlers and queues: slots 0 and rate NULL is "no limit". What set_limit() said stays.
-- `limit_by`: the argument of each of `handlers` that is its limit key, NULL: none.
CREATE FUNCTION drumbeat.configure_limits(kinds text[], names text[], slots int[], rates text[], handlers text[], limit_by text[]) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    said record;
BEGIN
    UPDATE drumbeat.handler h SET limit_by = l.argument FROM unnest(handlers, configure_limits.limit_by) l(name, argument)
     WHERE h.name = l.name AND h.limit_by IS DISTINCT FROM l.argument;
    FOR said IN SELECT c.kind, c.name, nullif(c.slots, 0) AS slots, c.rate
                  FROM unnest(kinds, names, configure_limits.slots, rates) c(kind, name, slots, rate)
                  LEFT JOIN drumbeat.limit_rule r ON r.kind = c.kind COLLATE "C" AND r.name = c.name COLLATE "C"
                 WHERE coalesce(r.by_config, true) AND (nullif(c.slots, 0), c.rate) IS DISTINCT FROM (r.slots, r.rate)
                 ORDER BY c.kind, c.name LOOP
        PERFORM drumbeat.change_limit(said.kind, said.name, said.slots, said.rate, true);
    END LOOP;
END $$;

-- What a task waits for at its gate, and how many wait there that are as urgent or more and came before it (10000: or more).
CREATE FUNCTION drumbeat.why_gated(g drumbeat.gated) RETURNS TABLE (reason text, detail text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    rule  record;
    used  bigint;
    ahead bigint;
BEGIN
    IF starts_with(g.gate, 'pause ') THEN
        RETURN QUERY SELECT 'paused', format('queue %s is paused', substr(g.gate, 7));
        RETURN;
    ELSIF starts_with(g.gate, 'nobody ') THEN
        RETURN QUERY SELECT 'no worker', format('no worker has handler %s and serves queue %s', split_part(g.gate, ' ', 3), split_part(g.gate, ' ', 2));
        RETURN;
    END IF;
    SELECT * INTO rule FROM drumbeat.gate_limit(g.gate);
    SELECT count(*) INTO used FROM drumbeat.slot s WHERE s.gate = g.gate;
    SELECT count(*) INTO ahead FROM (SELECT FROM drumbeat.gated x WHERE x.gate = g.gate AND (x.priority, x.seq) < (g.priority, g.seq) LIMIT 10000) x;
    RETURN QUERY SELECT CASE WHEN starts_with(g.gate, 'rate ') THEN 'rate' ELSE 'limit' END,
                        CASE WHEN starts_with(g.gate, 'rate ') THEN format('%s: one each %s, %s before it', substr(g.gate, 6), rule.step, ahead)
                                                                     || CASE WHEN used > 0 THEN format(', %s called on that wait at a limit', used) ELSE '' END
                             ELSE format('%s: %s of %s run or are about to, %s before it', g.gate, used, rule.slots, ahead) END;
END $$;

-- Every limit with what it holds: the rules, and the keys without a rule that somebody holds. `waiting` stops at 100000.
CREATE VIEW drumbeat.limit_use AS
WITH RECURSIVE held(gate) AS (
    (SELECT s.gate FROM drumbeat.slot s WHERE s.gate > 'key ' AND s.gate < 'key!' ORDER BY s.gate LIMIT 1)
    UNION ALL
    SELECT (SELECT s.gate FROM drumbeat.slot s WHERE s.gate > h.gate AND s.gate < 'key!' ORDER BY s.gate LIMIT 1) FROM held h WHERE h.gate IS NOT NULL
), every AS (
    SELECT r.kind, r.name, r.slots, r.rate, r.by_config FROM drumbeat.limit_rule r
    UNION ALL
    SELECT 'key', substr(h.gate, 5), (drumbeat.gate_limit(h.gate)).slots, NULL, NULL FROM held h
     WHERE h.gate IS NOT NULL AND NOT EXISTS (SELECT FROM drumbeat.limit_rule r WHERE r.kind = 'key' AND r.name = substr(h.gate, 5))
)
SELECT e.kind, e.name, e.slots AS "limit", e.rate,
       CASE WHEN e.by_config THEN 'configuration' WHEN e.by_config IS NULL THEN 'default' ELSE 'set' END AS origin,
       CASE WHEN e.kind <> 'keys' THEN (SELECT count(*) FROM drumbeat.slot s WHERE s.gate = e.kind || ' ' || e.name) END AS used,
       CASE WHEN e.kind <> 'keys' THEN (SELECT count(*) FROM (SELECT FROM drumbeat.gated g
             WHERE g.gate IN (e.kind || ' ' || e.name, 'rate ' || e.kind || ' ' || e.name) LIMIT 100000) w) END AS waiting
  FROM every e;

REVOKE ALL ON FUNCTION drumbeat.rate_step, drumbeat.limit_of, drumbeat.gate_limit, drumbeat.next_gate, drumbeat.ring_gates, drumbeat.ring_held, drumbeat.line_up_many, drumbeat.pass,
    drumbeat.has_worker, drumbeat.flow_weight, drumbeat.next_waiting, drumbeat.let_in, drumbeat.release, drumbeat.admit_at, drumbeat.admit,
    drumbeat.put_outside, drumbeat.claimable_gated, drumbeat.sweep_slots, drumbeat.apply_limit, drumbeat.change_limit, drumbeat.set_limit, drumbeat.clear_limit, drumbeat.configure_limits, drumbeat.why_gated FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_enqueue') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.set_limit, drumbeat.clear_limit TO drumbeat_enqueue;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON drumbeat.limit_rule, drumbeat.limit_use TO drumbeat_read;
        GRANT EXECUTE ON FUNCTION drumbeat.gate_limit, drumbeat.limit_of TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON drumbeat.limit_rule, drumbeat.bucket, drumbeat.lowered TO drumbeat_work;
        GRANT SELECT ON drumbeat.limit_use TO drumbeat_work;
        GRANT EXECUTE ON FUNCTION drumbeat.rate_step, drumbeat.limit_of, drumbeat.gate_limit, drumbeat.next_gate, drumbeat.ring_gates, drumbeat.ring_held, drumbeat.line_up_many,
            drumbeat.pass, drumbeat.has_worker, drumbeat.flow_weight, drumbeat.next_waiting, drumbeat.let_in, drumbeat.release, drumbeat.admit_at,
            drumbeat.admit, drumbeat.put_outside, drumbeat.claimable_gated, drumbeat.sweep_slots, drumbeat.apply_limit, drumbeat.change_limit, drumbeat.set_limit, drumbeat.clear_limit,
            drumbeat.configure_limits, drumbeat.why_gated TO drumbeat_work;
    END IF;
END $$;
