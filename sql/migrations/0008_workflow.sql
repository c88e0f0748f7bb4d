-- Workflows: batches of tasks and of other batches.
--
-- A chain runs its members one after the other and ends with the first that does not succeed; a group runs them side by side. A member is
-- *open* from the moment it was started until it has ended: a row of `batch_open`. Whoever ends a member deletes that row in the same
-- transaction (untie), and looks whether it was the last. Whether a batch is over is then decided under the lock of its row, in
-- check_batch() and nowhere else, and what follows (the next step, the callbacks, the end of the member that the batch itself is of another)
-- is written in the same transaction: either all of it happens or none.
--
--   member ends -> leave_batches -> check_batch -+-> step_chain: the next step is open
--                                                `-> end_batch: callbacks, ended_at, and so on with the batch around it
--
-- Nobody waits for anybody there. A decision that cannot be made yet, because another transaction that ends a member or holds the batch has
-- not committed, is put off: a row of `batch_due`, which the keepers work off (finish_batches).

CREATE TABLE drumbeat.batch (
    id         uuid PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('chain', 'group')),
    label      text,
    root_id    uuid NOT NULL,             -- the outermost batch around it, or itself
    parent_id  uuid,                      -- the batch it is a member of
    place      integer,                   -- and which one, from 1
    cause_id   uuid,                      -- the batch it is a callback of
    steps      jsonb,                     -- of a chain: all its steps
    callbacks  jsonb NOT NULL DEFAULT '{}', -- on_success, on_failure, on_always: what to start
    called     jsonb NOT NULL DEFAULT '{}', -- the same keys: the id of what was started, null when it could not be
    tenant     text,
    created_by text NOT NULL,
    headers    jsonb,
    planned    integer NOT NULL,          -- tasks that were named at first, those of batches in it included
    total      integer NOT NULL DEFAULT 0, -- members so far
    starting   boolean NOT NULL DEFAULT false, -- a chain between two steps, inside the transaction that takes it on
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz,
    outcome    text CHECK (outcome IN ('success', 'failed', 'cancelled')),
    error      text                       -- why a step or a callback could not be started
) WITH (fillfactor = 70);
CREATE INDEX batch_parent ON drumbeat.batch (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX batch_live ON drumbeat.batch (id) WHERE ended_at IS NULL;

-- Members that have not ended, tasks and batches. A batch that is being filled has itself as a member, with place 0.
CREATE TABLE drumbeat.batch_open (
    member_id uuid PRIMARY KEY,
    batch_id  uuid NOT NULL,
    place     integer NOT NULL
);
CREATE INDEX batch_open_place ON drumbeat.batch_open (batch_id, place);

-- Members that ended otherwise than by success.
CREATE TABLE drumbeat.batch_failed (
    member_id uuid PRIMARY KEY,
    batch_id  uuid NOT NULL
);
CREATE INDEX batch_failed_batch ON drumbeat.batch_failed (batch_id);

-- Batches to look at again. Insert-only, so that nobody waits.
CREATE TABLE drumbeat.batch_due (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id uuid NOT NULL
);

CREATE TABLE drumbeat.batch_cancel (
    batch_id     uuid PRIMARY KEY,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_by text NOT NULL DEFAULT session_user
);

-- How far the sweep of batches whose time is over has come; from the beginning again behind the last.
CREATE TABLE drumbeat.batch_swept (
    one   boolean PRIMARY KEY DEFAULT true CHECK (one),
    after uuid NOT NULL
);
INSERT INTO drumbeat.batch_swept (after) VALUES ('00000000-0000-0000-0000-000000000000');

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['batch_open', 'batch_due', 'batch_cancel'] LOOP
        EXECUTE format('ALTER TABLE drumbeat.%I SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,'
                       ' autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000000)', name);
    END LOOP;
END $$;

-- A batch and the batches in it, outermost first. Callbacks are not in it.
CREATE FUNCTION drumbeat.batch_tree(id uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    WITH RECURSIVE tree(id) AS (
        SELECT batch_tree.id
        UNION ALL
        SELECT b.id FROM tree t JOIN drumbeat.batch b ON b.parent_id = t.id
    )
    SELECT t.id FROM tree t
$$;

-- Below any id of a batch's members, even if the clock was set back a little: so that of the history only what is younger is looked through.
CREATE FUNCTION drumbeat.member_floor(batch uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM drumbeat.born(batch)) * 1000)::bigint - 3600000), 12, '0'), 32, '0')::uuid
$$;

-- Results ------------------------------------------------------------------------------------------------------------------

-- A batch's result: a chain's is that of its last step, a group's an array of those of its members, null where there is none. Of more than 1,000
-- members, or beyond 1 MiB, it says where they are; so does a single result beyond 64 KiB.
CREATE FUNCTION drumbeat.results_to_pass(batch uuid) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    b      drumbeat.batch;
    low    constant uuid := drumbeat.member_floor(batch);
    last   record;
    answer jsonb;
BEGIN
    SELECT * INTO b FROM drumbeat.batch x WHERE x.id = batch;
    IF b.kind = 'chain' THEN
        SELECT e.task_id, e.result INTO last FROM drumbeat.task_body t JOIN drumbeat.ended e ON e.task_id = t.id WHERE t.batch_id = batch AND t.batch_place = b.total AND t.id >= low;
        IF FOUND THEN
            RETURN CASE WHEN octet_length(last.result::text) > 65536 THEN jsonb_build_object('result_of', last.task_id) ELSE last.result END;
        END IF;
        RETURN (SELECT drumbeat.results_to_pass(c.id) FROM drumbeat.batch c WHERE c.parent_id = batch AND c.place = b.total);
    ELSIF b.total > 1000 THEN
        RETURN jsonb_build_object('results_of', batch);
    END IF;
    SELECT jsonb_agg(m.result ORDER BY m.place) INTO answer
      FROM (SELECT t.batch_place AS place, CASE WHEN octet_length(e.result::text) > 65536 THEN jsonb_build_object('result_of', e.task_id) ELSE e.result END AS result
              FROM drumbeat.task_body t LEFT JOIN drumbeat.ended e ON e.task_id = t.id AND e.result IS NOT NULL WHERE t.batch_id = b.id AND t.id >= low
            UNION ALL
            SELECT c.place, drumbeat.results_to_pass(c.id) FROM drumbeat.batch c WHERE c.parent_id = b.id) m;
    RETURN CASE WHEN octet_length(answer::text) > 1048576 THEN jsonb_build_object('results_of', batch) ELSE coalesce(answer, '[]') END;
END $$;

-- The members of a batch in their order. What a handler reads that was told where the results are.
CREATE FUNCTION drumbeat.batch_results(batch uuid) RETURNS TABLE (place int, id uuid, status text, result jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.batch_place, t.id, coalesce(e.status, CASE WHEN r.started_at IS NULL THEN 'QUEUED' ELSE 'RUNNING' END), e.result
      FROM drumbeat.task_body t LEFT JOIN drumbeat.ended e ON e.task_id = t.id LEFT JOIN drumbeat.running r ON r.task_id = t.id
     WHERE t.batch_id = batch AND t.id >= drumbeat.member_floor(batch)
    UNION ALL
    SELECT b.place, b.id, coalesce(b.outcome, 'running'), drumbeat.results_to_pass(b.id) FROM drumbeat.batch b WHERE b.parent_id = batch
     ORDER BY 1
$$;

-- Checking a workflow before anything of it is written -----------------------------------------------------------------------

-- What is wrong with the options of a task, or NULL.
CREATE FUNCTION drumbeat.task_complaint(spec jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    types constant jsonb := '{"task": "string", "args": "object", "queue": "string", "priority": "number", "max_attempts": "number", "unique_key": "string",
        "unique_mode": "string", "unique_until": "string", "unique_window": "string", "limit_key": "string", "tenant": "string", "headers": "object", "delay": "string",
        "expires_in": "string", "previous": "boolean"}';
    o     record;
BEGIN
    FOR o IN SELECT s.key, jsonb_typeof(s.value) AS type FROM jsonb_each(spec) s LOOP
        IF NOT types ? o.key THEN
            RETURN format('.%s: is not an option of a task', o.key);
        ELSIF o.type <> types ->> o.key AND o.type <> 'null' THEN
            RETURN format('.%s: must be a JSON %s, not %s', o.key, types ->> o.key, o.type);
        END IF;
    END LOOP;
    IF spec ->> 'task' IS NULL OR length(spec ->> 'task') NOT BETWEEN 1 AND 200 OR spec ->> 'task' ~ '[^[:graph:]]' THEN
        RETURN '.task: must be 1 to 200 characters without blanks';
    ELSIF spec ->> 'queue' !~ '^[a-z0-9_.-]{1,63}$' THEN
        RETURN format('.queue: %s is not 1 to 63 of a-z 0-9 _ . -', spec -> 'queue');
    ELSIF (spec ->> 'priority')::numeric NOT IN (0, 1, 2, 3, 4, 5, 6, 7, 8, 9) THEN
        RETURN format('.priority: %s is not between 0 and 9', spec -> 'priority');
    ELSIF (spec ->> 'max_attempts')::numeric NOT BETWEEN 1 AND 1000 OR (spec ->> 'max_attempts')::numeric % 1 <> 0 THEN
        RETURN format('.max_attempts: %s is not between 1 and 1000', spec -> 'max_attempts');
    ELSIF length(spec ->> 'unique_key') NOT BETWEEN 1 AND 500 THEN
        RETURN '.unique_key: must be 1 to 500 characters';
    ELSIF length(spec ->> 'limit_key') NOT BETWEEN 1 AND 500 THEN
        RETURN '.limit_key: must be 1 to 500 characters';
    ELSIF spec ->> 'unique_mode' NOT IN ('return', 'skip', 'replace') THEN
        RETURN format('.unique_mode: %s is not return, skip or replace', spec -> 'unique_mode');
    ELSIF spec ->> 'unique_until' NOT IN ('final', 'start') THEN
        RETURN format('.unique_until: %s is not final or start', spec -> 'unique_until');
    END IF;
    FOR o IN SELECT s.key, s.value #>> '{}' AS value FROM jsonb_each(spec) s WHERE s.key IN ('delay', 'expires_in', 'unique_window') AND jsonb_typeof(s.value) = 'string' LOOP
        BEGIN
            IF o.value::interval NOT BETWEEN interval '0' AND interval '366 days' THEN
                RETURN format('.%s: must be between 0 and 366 days', o.key);
            END IF;
        EXCEPTION WHEN data_exception THEN
            RETURN format('.%s: %s is not an interval, such as "10 minutes"', o.key, o.value);
        END;
    END LOOP;
    RETURN NULL;
END $$;

-- Refuse a workflow that is none, with the place in the tree: SQLSTATE 22023. Answers how many tasks it names (callbacks not counted).
CREATE FUNCTION drumbeat.check_workflow(spec jsonb, place text DEFAULT '', depth int DEFAULT 0) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
#variable_conflict use_variable
DECLARE
    at     text := CASE WHEN place = '' THEN 'spec' ELSE ltrim(place, '.') END;
    kind   text;
    most   int;
    counts int := 0;
    e      record;
BEGIN
    IF jsonb_typeof(spec) IS DISTINCT FROM 'object' OR (spec ? 'task')::int + (spec ? 'chain')::int + (spec ? 'group')::int <> 1 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('%s: must be an object with one of task, chain, group', at);
    END IF;
    IF spec ? 'task' THEN
        kind := drumbeat.task_complaint(spec);
        IF kind IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = ltrim(place || kind, '.');
        END IF;
        RETURN 1;
    END IF;
    kind := CASE WHEN spec ? 'chain' THEN 'chain' ELSE 'group' END;
    most := CASE WHEN spec ? 'chain' THEN 1000 ELSE 10000 END;
    IF depth >= 8 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('%s: is nested deeper than 8 levels', at);
    ELSIF jsonb_typeof(spec -> kind) <> 'array' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = ltrim(format('%s.%s: must be an array', place, kind), '.');
    ELSIF jsonb_array_length(spec -> kind) > most THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = ltrim(format('%s.%s: has more than %s members', place, kind, most), '.');
    END IF;
    FOR e IN SELECT o.key FROM jsonb_object_keys(spec) o(key) WHERE o.key NOT IN (kind, 'on_success', 'on_failure', 'on_always', 'label') LOOP
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = ltrim(format('%s.%s: is not an option of a %s', place, e.key, kind), '.');
    END LOOP;
    IF jsonb_typeof(spec -> 'label') <> 'string' OR length(spec ->> 'label') > 200 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = ltrim(place || '.label: must be a string of at most 200 characters', '.');
    END IF;
    FOR e IN SELECT m.spec, m.place - 1 AS number FROM jsonb_array_elements(spec -> kind) WITH ORDINALITY m(spec, place) ORDER BY m.place LOOP
        counts := counts + drumbeat.check_workflow(e.spec, format('%s.%s[%s]', place, kind, e.number), depth + 1);
    END LOOP;
    FOR e IN SELECT c.key, c.value FROM jsonb_each(spec) c WHERE c.key IN ('on_success', 'on_failure', 'on_always') LOOP
        PERFORM drumbeat.check_workflow(e.value, format('%s.%s', place, e.key), depth + 1);
    END LOOP;
    IF counts > 10000 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('%s: names %s tasks, more than 10,000; fill a batch with open_batch() and enqueue_many()', at, counts);
    END IF;
    RETURN counts;
END $$;

CREATE FUNCTION drumbeat.count_tasks(spec jsonb) RETURNS int LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN spec ? 'task' THEN 1
                ELSE coalesce((SELECT sum(CASE WHEN m.spec ? 'task' THEN 1 ELSE drumbeat.count_tasks(m.spec) END)
                                 FROM jsonb_array_elements(coalesce(spec -> 'chain', spec -> 'group')) m(spec)), 0)::int END
$$;

-- Membership -----------------------------------------------------------------------------------------------------------------

-- Room for `count` more members: answers how many are before them. Two transactions that fill one batch wait for each other.
CREATE FUNCTION drumbeat.join_batch(batch uuid, count int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    before int;
BEGIN
    UPDATE drumbeat.batch b SET total = b.total + count, starting = false
     WHERE b.id = batch AND b.ended_at IS NULL AND (b.kind = 'group' OR b.starting) AND NOT EXISTS (SELECT FROM drumbeat.batch_cancel c WHERE c.batch_id = b.id)
    RETURNING b.total - count INTO before;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('batch %s takes no more members: it is unknown, a chain, cancelled or has ended', batch);
    END IF;
    RETURN before;
END $$;

-- What enqueue_many() inserted becomes open; what it did not, because another task has the key, has been skipped.
CREATE FUNCTION drumbeat.enter_batch(batch uuid, behind int, ids uuid[], holders uuid[], fresh boolean[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO drumbeat.batch_open (member_id, batch_id, place)
    SELECT t.id, batch, behind + t.place FROM unnest(ids) WITH ORDINALITY t(id, place) WHERE fresh IS NULL OR fresh[t.place];
    IF false = ANY (fresh) THEN
        INSERT INTO drumbeat.ended (task_id, status, attempt, ended_at, error)
        SELECT t.id, 'SKIPPED', 0, clock_timestamp(), format('task %s holds its unique key', holders[t.place])
          FROM unnest(ids) WITH ORDINALITY t(id, place) WHERE NOT fresh[t.place];
        INSERT INTO drumbeat.batch_failed (member_id, batch_id)
        SELECT t.id, batch FROM unnest(ids) WITH ORDINALITY t(id, place) WHERE NOT fresh[t.place];
    END IF;
END $$;

-- These tasks have ended. Of a batch that loses its last members some may be open still in the eyes of each transaction that ends one:
-- check_batch() sorts that out.
CREATE FUNCTION drumbeat.leave_batches(ids uuid[], succeeded boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    batches uuid[];
    batch   uuid;
BEGIN
    IF succeeded THEN
        WITH gone AS (DELETE FROM drumbeat.batch_open o WHERE o.member_id = ANY (ids) RETURNING o.batch_id)
        SELECT array_agg(DISTINCT g.batch_id) INTO batches FROM gone g;
    ELSE
        WITH gone AS (
            DELETE FROM drumbeat.batch_open o WHERE o.member_id = ANY (ids) RETURNING o.member_id, o.batch_id
        ), failed AS (
            INSERT INTO drumbeat.batch_failed (member_id, batch_id)
            SELECT g.member_id, g.batch_id FROM gone g
             WHERE NOT EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = g.member_id AND e.status = 'SUCCESS')
        )
        SELECT array_agg(DISTINCT g.batch_id) INTO batches FROM gone g;
    END IF;
    FOREACH batch IN ARRAY coalesce(batches, '{}') LOOP
        PERFORM drumbeat.check_batch(batch);
    END LOOP;
END $$;

-- To be looked at again by a keeper: at once, when `ring`.
CREATE FUNCTION drumbeat.put_off(batch uuid, ring boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO drumbeat.batch_due (batch_id) VALUES (batch);
    IF ring THEN
        PERFORM pg_notify('drumbeat', 'batch');
    END IF;
END $$;

-- The course of a batch ------------------------------------------------------------------------------------------------------

-- Is it over, or does a chain go on? The only place that decides it.
--
-- A member whose row nobody has touched (xmax) is open and will be asked about when it ends. A row that is there and was touched belongs to a
-- transaction that is about to end the member, or was rolled back: its fate decides, so a keeper looks again. Two transactions that end the last
-- two members cannot both take the other's for untouched, because each deletes its own before it looks.
CREATE FUNCTION drumbeat.check_batch(batch uuid, ring boolean DEFAULT true) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    b drumbeat.batch;
BEGIN
    PERFORM FROM drumbeat.batch_open o WHERE o.batch_id = batch AND o.xmax = '0'::xid ORDER BY o.batch_id DESC, o.place DESC LIMIT 1;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT * INTO b FROM drumbeat.batch x WHERE x.id = batch AND x.ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        IF EXISTS (SELECT FROM drumbeat.batch x WHERE x.id = batch AND x.ended_at IS NULL) THEN
            PERFORM drumbeat.put_off(batch, ring);
        END IF;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM drumbeat.batch_open o WHERE o.batch_id = batch) THEN
        PERFORM drumbeat.put_off(batch, ring);
    ELSIF b.kind = 'group' OR drumbeat.step_chain(b, ring) THEN
        PERFORM drumbeat.end_batch(batch, ring);
    END IF;
END $$;

-- Take a chain on that has no open member. True: it is over. `strict`: what is wrong with a step is the caller's error.
CREATE FUNCTION drumbeat.step_chain(b drumbeat.batch, ring boolean, strict boolean DEFAULT false, before jsonb DEFAULT NULL) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    trouble text;
BEGIN
    WHILE b.total < jsonb_array_length(b.steps) LOOP
        IF EXISTS (SELECT FROM drumbeat.batch_failed f WHERE f.batch_id = b.id) OR EXISTS (SELECT FROM drumbeat.batch_cancel c WHERE c.batch_id = b.id) THEN
            RETURN true;
        END IF;
        IF strict THEN
            PERFORM drumbeat.start_step(b, CASE WHEN b.total = 0 THEN before ELSE drumbeat.results_to_pass(b.id) END);
        ELSE
            trouble := drumbeat.try_step(b);
        END IF;
        IF trouble = 'later' THEN
            PERFORM drumbeat.put_off(b.id, ring);
            RETURN false;
        ELSIF trouble IS NOT NULL THEN
            UPDATE drumbeat.batch x SET error = format('step %s could not be started: %s', b.total + 1, trouble) WHERE x.id = b.id;
            RETURN true;
        ELSIF EXISTS (SELECT FROM drumbeat.batch_open o WHERE o.batch_id = b.id) THEN
            RETURN false;
        END IF;
        b.total := b.total + 1; -- it was over at once: an empty group, or another task holds its key
    END LOOP;
    RETURN true;
END $$;

-- Start the next step of a chain.
CREATE FUNCTION drumbeat.start_step(b drumbeat.batch, before jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    spec  jsonb := b.steps -> b.total;
    low   constant uuid := drumbeat.member_floor(b.id);
    cause uuid;
BEGIN
    UPDATE drumbeat.batch x SET starting = true, error = NULL WHERE x.id = b.id;
    IF spec ? 'task' THEN
        SELECT t.id INTO cause FROM drumbeat.task_body t WHERE t.batch_id = b.id AND t.batch_place = b.total AND t.id >= low;
        PERFORM drumbeat.enqueue_members(b, ARRAY[spec], before, cause);
    ELSE
        PERFORM drumbeat.start_batch(spec, b, NULL, before);
    END IF;
END $$;

-- The same where an error must not undo what else the transaction does, and where nobody may be waited for: NULL, what is wrong, or 'later'.
CREATE FUNCTION drumbeat.try_step(b drumbeat.batch) RETURNS text LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
BEGIN
    PERFORM drumbeat.start_step(b, drumbeat.results_to_pass(b.id));
    RETURN NULL;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
        RETURN 'later';
    WHEN OTHERS THEN
        RETURN SQLERRM;
END $$;

-- Enqueue tasks that differ in nothing but their arguments and keys as the next members of a batch.
CREATE FUNCTION drumbeat.enqueue_members(b drumbeat.batch, specs jsonb[], before jsonb, parent uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    o    jsonb := specs[1];
    more jsonb := CASE WHEN before IS NOT NULL AND coalesce((o ->> 'previous')::boolean, true) THEN jsonb_build_object('previous', before) ELSE '{}' END;
    keys text[];
BEGIN
    IF EXISTS (SELECT FROM unnest(specs) s WHERE s ->> 'unique_key' IS NOT NULL) THEN
        keys := ARRAY(SELECT s.spec ->> 'unique_key' FROM unnest(specs) WITH ORDINALITY s(spec, place) ORDER BY s.place);
    END IF;
    PERFORM FROM drumbeat.enqueue_many(
        o ->> 'task',
        ARRAY(SELECT more || coalesce(nullif(s.spec -> 'args', 'null'), '{}') FROM unnest(specs) WITH ORDINALITY s(spec, place) ORDER BY s.place),
        queue => o ->> 'queue', priority => (o ->> 'priority')::int, max_attempts => (o ->> 'max_attempts')::int,
        run_at => clock_timestamp() + (o ->> 'delay')::interval, expires_at => clock_timestamp() + (o ->> 'expires_in')::interval,
        unique_keys => keys, unique_mode => o ->> 'unique_mode', unique_until => o ->> 'unique_until', unique_window => (o ->> 'unique_window')::interval,
        tenant => coalesce(o ->> 'tenant', b.tenant), created_by => b.created_by,
        headers => CASE WHEN b.headers IS NULL THEN nullif(o -> 'headers', 'null') ELSE b.headers || coalesce(nullif(o -> 'headers', 'null'), '{}') END,
        batch_id => b.id, parent_id => parent, limit_key => o ->> 'limit_key');
END $$;

-- Start everything in a group: neighbours that differ only in arguments and keys with one call.
CREATE FUNCTION drumbeat.fill_group(b drumbeat.batch, members jsonb, before jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    run record;
BEGIN
    FOR run IN
        SELECT array_agg(m.spec ORDER BY m.place) AS specs
          FROM (SELECT e.spec, e.place, e.options,
                       e.place - row_number() OVER (PARTITION BY e.options ORDER BY e.place) AS island
                  FROM (SELECT x.spec, x.place, CASE WHEN x.spec ? 'task' THEN x.spec - 'args' - 'unique_key' ELSE to_jsonb(x.place) END AS options
                          FROM jsonb_array_elements(members) WITH ORDINALITY x(spec, place)) e) m
         GROUP BY m.options, m.island ORDER BY min(m.place)
    LOOP
        IF run.specs[1] ? 'task' THEN
            PERFORM drumbeat.enqueue_members(b, run.specs, before, NULL);
        ELSE
            PERFORM drumbeat.start_batch(run.specs[1], b, NULL, before);
        END IF;
    END LOOP;
END $$;

-- Make a batch and start it: a member of `up`, or a callback of it (`cause`), or, with a `up` that has no id, an outermost one. Answers its id.
CREATE FUNCTION drumbeat.start_batch(spec jsonb, up drumbeat.batch, cause uuid, before jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    b drumbeat.batch;
BEGIN
    b.id := drumbeat.uuid_v7();
    b.kind := CASE WHEN spec ? 'chain' THEN 'chain' ELSE 'group' END;
    b.label := spec ->> 'label';
    b.cause_id := cause;
    IF up.id IS NOT NULL AND cause IS NULL THEN
        b.parent_id := up.id;
        b.place := drumbeat.join_batch(up.id, 1) + 1;
    END IF;
    b.root_id := CASE WHEN b.parent_id IS NULL THEN b.id ELSE up.root_id END;
    b.steps := spec -> 'chain';
    b.tenant := up.tenant;
    b.created_by := up.created_by;
    b.headers := up.headers;
    b.total := 0;
    INSERT INTO drumbeat.batch (id, kind, label, root_id, parent_id, place, cause_id, steps, callbacks, tenant, created_by, headers, planned)
    VALUES (b.id, b.kind, b.label, b.root_id, b.parent_id, b.place, b.cause_id, b.steps,
            coalesce((SELECT jsonb_object_agg(c.key, c.value) FROM jsonb_each(spec) c WHERE c.key IN ('on_success', 'on_failure', 'on_always')), '{}'),
            b.tenant, b.created_by, b.headers, drumbeat.count_tasks(spec));
    IF b.parent_id IS NOT NULL THEN
        INSERT INTO drumbeat.batch_open (member_id, batch_id, place) VALUES (b.id, b.parent_id, b.place);
    END IF;
    IF b.kind = 'group' THEN
        PERFORM drumbeat.fill_group(b, spec -> 'group', before);
    ELSIF NOT drumbeat.step_chain(b, true, true, before) THEN
        RETURN b.id;
    END IF;
    IF NOT EXISTS (SELECT FROM drumbeat.batch_open o WHERE o.batch_id = b.id) THEN
        PERFORM drumbeat.end_batch(b.id, true, nested => true);
    END IF;
    RETURN b.id;
END $$;

-- A batch without open members ends: its callbacks are started, its own membership in another ends. `nested`: whoever starts it looks at that one.
CREATE FUNCTION drumbeat.end_batch(batch uuid, ring boolean, nested boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b       drumbeat.batch;
    won     boolean;
    kind    text;
    trouble text;
BEGIN
    SELECT * INTO b FROM drumbeat.batch x WHERE x.id = batch;
    won := b.error IS NULL AND NOT EXISTS (SELECT FROM drumbeat.batch_failed f WHERE f.batch_id = batch)
           AND (b.kind = 'group' OR b.total = jsonb_array_length(b.steps));
    b.outcome := CASE WHEN won THEN 'success' WHEN EXISTS (SELECT FROM drumbeat.batch_cancel c WHERE c.batch_id = batch) THEN 'cancelled' ELSE 'failed' END;
    FOREACH kind IN ARRAY CASE b.outcome WHEN 'success' THEN ARRAY['on_success', 'on_always'] WHEN 'failed' THEN ARRAY['on_failure', 'on_always'] ELSE ARRAY['on_always'] END LOOP
        CONTINUE WHEN NOT b.callbacks ? kind OR b.called ? kind;
        trouble := drumbeat.try_callback(b, kind);
        IF trouble = 'later' THEN
            PERFORM drumbeat.put_off(batch, ring);
            RETURN;
        ELSIF trouble IS NOT NULL THEN
            b.error := format('%s could not be started: %s', kind, trouble);
        END IF;
        SELECT x.called INTO b.called FROM drumbeat.batch x WHERE x.id = batch;
    END LOOP;
    UPDATE drumbeat.batch x SET ended_at = clock_timestamp(), outcome = b.outcome, error = b.error WHERE x.id = batch;
    DELETE FROM drumbeat.batch_cancel c WHERE c.batch_id = batch;
    IF b.parent_id IS NOT NULL THEN
        DELETE FROM drumbeat.batch_open o WHERE o.member_id = batch;
        IF b.outcome <> 'success' THEN
            INSERT INTO drumbeat.batch_failed (member_id, batch_id) VALUES (batch, b.parent_id);
        END IF;
        IF NOT nested THEN
            PERFORM drumbeat.check_batch(b.parent_id);
        END IF;
    END IF;
END $$;

-- Start a callback: NULL, what is wrong, or 'later'. Its id is noted in the same transaction, so that it is never started again.
CREATE FUNCTION drumbeat.try_callback(b drumbeat.batch, kind text) RETURNS text LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
#variable_conflict use_variable
DECLARE
    spec    jsonb := b.callbacks -> kind;
    started uuid;
BEGIN
    started := drumbeat.start_callback(b, spec);
    UPDATE drumbeat.batch x SET called = x.called || jsonb_build_object(kind, started) WHERE x.id = b.id;
    RETURN NULL;
EXCEPTION
    WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
        RETURN 'later';
    WHEN OTHERS THEN
        UPDATE drumbeat.batch x SET called = x.called || jsonb_build_object(kind, NULL) WHERE x.id = b.id;
        RETURN SQLERRM;
END $$;

CREATE FUNCTION drumbeat.start_callback(b drumbeat.batch, spec jsonb) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    more jsonb := '{}';
BEGIN
    IF NOT spec ? 'task' THEN
        RETURN drumbeat.start_batch(spec, b, b.id, drumbeat.results_to_pass(b.id));
    END IF;
    IF coalesce((spec ->> 'previous')::boolean, true) THEN
        more := jsonb_build_object('results', drumbeat.results_to_pass(b.id), 'batch', jsonb_build_object(
            'id', b.id, 'label', b.label, 'outcome', b.outcome, 'total', b.total,
            'failed', (SELECT count(*) FROM drumbeat.batch_failed f WHERE f.batch_id = b.id)));
    END IF;
    RETURN drumbeat.enqueue(
        spec ->> 'task', more || coalesce(nullif(spec -> 'args', 'null'), '{}'),
        queue => spec ->> 'queue', priority => (spec ->> 'priority')::int, max_attempts => (spec ->> 'max_attempts')::int,
        run_at => clock_timestamp() + (spec ->> 'delay')::interval, expires_at => clock_timestamp() + (spec ->> 'expires_in')::interval,
        unique_key => spec ->> 'unique_key', unique_mode => spec ->> 'unique_mode', unique_until => spec ->> 'unique_until',
        unique_window => (spec ->> 'unique_window')::interval, tenant => coalesce(spec ->> 'tenant', b.tenant), created_by => b.created_by,
        headers => CASE WHEN b.headers IS NULL THEN nullif(spec -> 'headers', 'null') ELSE b.headers || coalesce(nullif(spec -> 'headers', 'null'), '{}') END,
        parent_id => b.id, limit_key => spec ->> 'limit_key');
END $$;

-- What callers use -----------------------------------------------------------------------------------------------------------

-- Start a workflow, a tree of {"task": …}, {"chain": […]} and {"group": […]}. Answers the id of its outermost batch; that of a single task
-- is a chain of one. A workflow that is none is refused as a whole, with the place in the tree.
CREATE FUNCTION drumbeat.enqueue_workflow(spec jsonb, tenant text DEFAULT NULL, created_by text DEFAULT NULL, headers jsonb DEFAULT NULL,
                                          idempotency_key text DEFAULT NULL, idempotency_ttl interval DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    up     drumbeat.batch;
    key    constant uuid := drumbeat.uuid_v7();
    answer uuid[];
BEGIN
    PERFORM drumbeat.check_workflow(spec);
    IF jsonb_typeof(headers) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'headers must be a JSON object';
    END IF;
    IF idempotency_key IS NOT NULL THEN
        answer := drumbeat.first_answer('', idempotency_key, ARRAY[key], idempotency_ttl);
        IF answer IS NOT NULL THEN
            RETURN answer[1];
        END IF;
    END IF;
    IF spec ? 'task' THEN
        spec := jsonb_build_object('chain', jsonb_build_array(spec));
    END IF;
    up.tenant := tenant;
    up.created_by := coalesce(created_by, session_user);
    up.headers := headers;
    answer := ARRAY[drumbeat.start_batch(spec, up, NULL, NULL)];
    IF idempotency_key IS NOT NULL THEN
        UPDATE drumbeat.idempotency i SET ids = answer WHERE i.scope = '' AND i.key = idempotency_key;
    END IF;
    RETURN answer[1];
END $$;

-- Begin a group that enqueue() and enqueue_many() fill with batch_id => its id. It ends after close_batch() at the earliest.
CREATE FUNCTION drumbeat.open_batch(label text DEFAULT NULL, on_success jsonb DEFAULT NULL, on_failure jsonb DEFAULT NULL, on_always jsonb DEFAULT NULL,
                                    tenant text DEFAULT NULL, created_by text DEFAULT NULL, headers jsonb DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    id   constant uuid := drumbeat.uuid_v7();
    spec constant jsonb := jsonb_strip_nulls(jsonb_build_object('label', label)) || '{"group": []}'
        || CASE WHEN on_success IS NULL THEN '{}' ELSE jsonb_build_object('on_success', on_success) END
        || CASE WHEN on_failure IS NULL THEN '{}' ELSE jsonb_build_object('on_failure', on_failure) END
        || CASE WHEN on_always IS NULL THEN '{}' ELSE jsonb_build_object('on_always', on_always) END;
BEGIN
    PERFORM drumbeat.check_workflow(spec);
    IF jsonb_typeof(headers) <> 'object' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'headers must be a JSON object';
    END IF;
    INSERT INTO drumbeat.batch (id, kind, label, root_id, callbacks, tenant, created_by, headers, planned)
    VALUES (id, 'group', label, id, spec - 'group' - 'label', tenant, coalesce(created_by, session_user), headers, 0);
    INSERT INTO drumbeat.batch_open (member_id, batch_id, place) VALUES (id, id, 0);
    RETURN id;
END $$;

-- It has all its members (those that run may add more). False: it was closed before, NULL: unknown.
CREATE FUNCTION drumbeat.close_batch(id uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    DELETE FROM drumbeat.batch_open o WHERE o.member_id = id AND o.batch_id = id;
    IF FOUND THEN
        PERFORM drumbeat.check_batch(id);
        RETURN true;
    END IF;
    RETURN CASE WHEN EXISTS (SELECT FROM drumbeat.batch b WHERE b.id = close_batch.id) THEN false END;
END $$;

-- Stop the open tasks of batches: those that wait end now, those that run are asked.
CREATE FUNCTION drumbeat.stop_members(batches uuid[], who text) RETURNS void LANGUAGE plpgsql SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    ids uuid[];
    one uuid;
BEGIN
    WITH waiting AS (
        DELETE FROM drumbeat.ready r WHERE r.task_id IN (SELECT o.member_id FROM drumbeat.batch_open o WHERE o.batch_id = ANY (batches)) RETURNING r.task_id, r.attempt
    ), later AS (
        DELETE FROM drumbeat.delayed d WHERE d.task_id IN (SELECT o.member_id FROM drumbeat.batch_open o WHERE o.batch_id = ANY (batches)) RETURNING d.task_id, d.attempt
    ), limited AS (
        DELETE FROM drumbeat.gated g WHERE g.task_id IN (SELECT o.member_id FROM drumbeat.batch_open o WHERE o.batch_id = ANY (batches)) RETURNING g.task_id, g.attempt
    ), unsent AS (
        DELETE FROM drumbeat.sent s WHERE s.sent_at IS NULL AND s.task_id IN (SELECT o.member_id FROM drumbeat.batch_open o WHERE o.batch_id = ANY (batches)) RETURNING s.task_id, s.attempt
    ), killed AS (
        INSERT INTO drumbeat.ended (task_id, status, attempt, ended_at, error)
        SELECT w.task_id, 'KILLED', w.attempt, clock_timestamp(), format('cancelled with its batch by %s', who)
          FROM (SELECT * FROM waiting UNION ALL SELECT * FROM later UNION ALL SELECT * FROM limited UNION ALL SELECT * FROM unsent) w
        RETURNING task_id
    )
    SELECT array_agg(k.task_id) INTO ids FROM killed k;
    IF ids IS NOT NULL THEN
        PERFORM drumbeat.untie(ids);
    END IF;
    FOR one IN SELECT o.member_id FROM drumbeat.batch_open o
                WHERE o.batch_id = ANY (batches) AND NOT EXISTS (SELECT FROM drumbeat.cancel_request c WHERE c.task_id = o.member_id)
                  AND (EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = o.member_id) OR EXISTS (SELECT FROM drumbeat.sent s WHERE s.task_id = o.member_id)) LOOP
        PERFORM drumbeat.cancel(one);
    END LOOP;
END $$;

-- Cancel a batch and the batches in it: what waits is KILLED, what runs is asked, no further step starts; of the callbacks only on_always.
-- False: it had ended, NULL: unknown. What a transaction adds at the same moment is stopped by a keeper's next round.
CREATE FUNCTION drumbeat.cancel_batch(id uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    tree uuid[];
    one  uuid;
BEGIN
    PERFORM FROM drumbeat.batch b WHERE b.id = cancel_batch.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    tree := ARRAY(SELECT b.id FROM drumbeat.batch_tree(id) t(id) JOIN drumbeat.batch b ON b.id = t.id WHERE b.ended_at IS NULL);
    IF NOT id = ANY (tree) THEN
        RETURN false;
    END IF;
    INSERT INTO drumbeat.batch_cancel (batch_id) SELECT unnest(tree) ON CONFLICT DO NOTHING;
    DELETE FROM drumbeat.batch_open o WHERE o.member_id = ANY (tree) AND o.batch_id = o.member_id;
    PERFORM drumbeat.stop_members(tree, session_user);
    FOR i IN REVERSE cardinality(tree) .. 1 LOOP
        PERFORM drumbeat.check_batch(tree[i]);
    END LOOP;
    RETURN true;
END $$;

-- Whether a member may be retried, with the lock under which that is done: of the outermost batch, so that two who retry follow each other.
CREATE FUNCTION drumbeat.may_rejoin(batch uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM drumbeat.batch r WHERE r.id = (SELECT b.root_id FROM drumbeat.batch b WHERE b.id = batch) FOR NO KEY UPDATE;
    RETURN NOT EXISTS (SELECT FROM drumbeat.batch_cancel c WHERE c.batch_id = batch);
END $$;

-- A member that had ended is open again (NULL: a chain that goes on with a new step), and so is every batch around it that had ended.
CREATE FUNCTION drumbeat.rejoin_batch(batch uuid, member uuid, place int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b drumbeat.batch;
BEGIN
    LOOP
        SELECT * INTO b FROM drumbeat.batch x WHERE x.id = batch FOR NO KEY UPDATE;
        EXIT WHEN NOT FOUND;
        IF member IS NOT NULL THEN
            DELETE FROM drumbeat.batch_failed f WHERE f.member_id = member;
            INSERT INTO drumbeat.batch_open (member_id, batch_id, place) VALUES (member, batch, place);
        END IF;
        EXIT WHEN b.ended_at IS NULL;
        UPDATE drumbeat.batch x SET ended_at = NULL, outcome = NULL, error = NULL WHERE x.id = batch;
        EXIT WHEN b.parent_id IS NULL;
        member := batch;
        place := b.place;
        batch := b.parent_id;
    END LOOP;
END $$;

-- Retry every task in a batch that ended as ERRORED, KILLED or SKIPPED, and take on chains that were stopped between two steps. Answers how
-- many were taken up again, NULL: unknown.
CREATE FUNCTION drumbeat.retry_batch(id uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    one   record;
    count bigint := 0;
BEGIN
    PERFORM FROM drumbeat.batch b WHERE b.id = retry_batch.id;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF NOT drumbeat.may_rejoin(id) THEN
        RETURN 0;
    END IF;
    FOR one IN SELECT f.member_id FROM drumbeat.batch_tree(id) t(id) JOIN drumbeat.batch_failed f ON f.batch_id = t.id
                                  JOIN drumbeat.task_body m ON m.id = f.member_id ORDER BY m.batch_id, m.batch_place LOOP
        count := count + coalesce(drumbeat.retry(one.member_id), false)::int;
    END LOOP;
    FOR one IN SELECT b.id FROM drumbeat.batch_tree(retry_batch.id) t(id) JOIN drumbeat.batch b ON b.id = t.id
                WHERE b.kind = 'chain' AND b.outcome <> 'success' AND b.total < jsonb_array_length(b.steps)
                  AND NOT EXISTS (SELECT FROM drumbeat.batch_failed f WHERE f.batch_id = b.id) LOOP
        PERFORM drumbeat.rejoin_batch(one.id, NULL, NULL);
        PERFORM drumbeat.check_batch(one.id);
        count := count + 1;
    END LOOP;
    RETURN count;
END $$;

-- What keepers do ------------------------------------------------------------------------------------------------------------

-- Decide what was put off, at most `most`, and follow cancels to members that were added meanwhile. Answers how much is left to look at.
CREATE FUNCTION drumbeat.finish_batches(most int) RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
DECLARE
    due uuid[];
    one uuid;
BEGIN
    WITH picked AS MATERIALIZED (
        SELECT d.id FROM drumbeat.batch_due d ORDER BY d.id LIMIT most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM drumbeat.batch_due d USING picked p WHERE d.id = p.id RETURNING d.batch_id
    )
    SELECT array_agg(DISTINCT g.batch_id) INTO due FROM gone g;
    FOREACH one IN ARRAY coalesce(due, '{}') LOOP
        PERFORM drumbeat.check_batch(one, ring => false);
    END LOOP;
    IF EXISTS (SELECT FROM drumbeat.batch_cancel) THEN
        PERFORM drumbeat.follow_cancels();
    END IF;
    RETURN (SELECT count(*) FROM drumbeat.batch_due);
END $$;

CREATE FUNCTION drumbeat.follow_cancels() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT c.batch_id, c.requested_by, b.ended_at IS NULL AND b.id IS NOT NULL AS live
                 FROM drumbeat.batch_cancel c LEFT JOIN drumbeat.batch b ON b.id = c.batch_id FOR UPDATE OF c SKIP LOCKED LOOP
        IF one.live THEN
            INSERT INTO drumbeat.batch_cancel (batch_id, requested_by)
            SELECT b.id, one.requested_by FROM drumbeat.batch_tree(one.batch_id) t(id) JOIN drumbeat.batch b ON b.id = t.id
             WHERE b.ended_at IS NULL ON CONFLICT DO NOTHING;
            PERFORM drumbeat.stop_members(ARRAY[one.batch_id], one.requested_by);
            PERFORM drumbeat.check_batch(one.batch_id, ring => false);
        ELSE
            DELETE FROM drumbeat.batch_cancel c WHERE c.batch_id = one.batch_id;
        END IF;
    END LOOP;
END $$;

-- Now and then: batches without open members that nobody decided (whatever the reason), keys, answers and batches whose time is over. At most
-- `most` of each.
CREATE FUNCTION drumbeat.sweep_batches(most int) RETURNS void LANGUAGE plpgsql SET jit = off AS $$
DECLARE
    behind uuid;
    roots  uuid[];
BEGIN
    INSERT INTO drumbeat.batch_due (batch_id)
    SELECT b.id FROM drumbeat.batch b
     WHERE b.ended_at IS NULL AND NOT EXISTS (SELECT FROM drumbeat.batch_open o WHERE o.batch_id = b.id)
       AND NOT EXISTS (SELECT FROM drumbeat.batch_due d WHERE d.batch_id = b.id) LIMIT most;
    DELETE FROM drumbeat.idempotency i
     WHERE i.ctid = ANY (ARRAY(SELECT x.ctid FROM drumbeat.idempotency x WHERE x.expires_at <= clock_timestamp() ORDER BY x.expires_at LIMIT most FOR UPDATE SKIP LOCKED));
    DELETE FROM drumbeat.unique_lock l
     WHERE l.ctid = ANY (ARRAY(SELECT x.ctid FROM drumbeat.unique_lock x
                                WHERE x.free_at <= clock_timestamp()
                                  AND NOT EXISTS (SELECT FROM drumbeat.ready r WHERE r.task_id = x.task_id)
                                  AND NOT EXISTS (SELECT FROM drumbeat.delayed d WHERE d.task_id = x.task_id)
                                  AND NOT EXISTS (SELECT FROM drumbeat.gated g WHERE g.task_id = x.task_id)
                                  AND NOT EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = x.task_id)
                                  AND NOT EXISTS (SELECT FROM drumbeat.sent s WHERE s.task_id = x.task_id)
                                ORDER BY x.free_at LIMIT most FOR UPDATE SKIP LOCKED));
    -- Batches go when the last of their tasks has gone from history. A piece of them a time: many may stay for long.
    SELECT s.after INTO behind FROM drumbeat.batch_swept s FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN; -- another keeper is at it
    END IF;
    roots := ARRAY(SELECT x.id FROM drumbeat.batch x WHERE x.id > behind AND x.ended_at < clock_timestamp() - interval '1 day' AND x.parent_id IS NULL ORDER BY x.id LIMIT most);
    UPDATE drumbeat.batch_swept SET after = CASE WHEN cardinality(roots) = most THEN roots[most] ELSE '00000000-0000-0000-0000-000000000000' END;
    WITH gone AS (
        DELETE FROM drumbeat.batch b USING (
            SELECT t.id FROM unnest(roots) o(id)
             CROSS JOIN LATERAL drumbeat.batch_tree(o.id) t(id)
             WHERE NOT EXISTS (SELECT FROM drumbeat.batch_tree(o.id) c(id) JOIN drumbeat.task_body m ON m.batch_id = c.id)) old
         WHERE b.id = old.id
        RETURNING b.id
    )
    DELETE FROM drumbeat.batch_failed f USING gone g WHERE f.batch_id = g.id;
END $$;

-- What APIs read -------------------------------------------------------------------------------------------------------------

-- Tasks are counted through all batches in a batch. `total` holds steps that have not started, too; `progress` is the share of it that has
-- has ended.
CREATE VIEW drumbeat.batch_status AS
SELECT b.id, b.label, b.kind,
       CASE WHEN b.outcome IS NOT NULL THEN b.outcome
            WHEN EXISTS (SELECT FROM drumbeat.batch_cancel c WHERE c.batch_id = b.id) THEN 'cancelling'
            WHEN EXISTS (SELECT FROM drumbeat.batch_open o WHERE o.member_id = b.id AND o.batch_id = b.id) THEN 'filling'
            ELSE 'running' END AS state,
       greatest(b.planned, n.tasks) AS total, n.tasks - n.ended - n.running AS queued, n.running, n.success, n.errored, n.killed, n.skipped,
       greatest(b.planned, n.tasks) - n.tasks AS not_started,
       CASE WHEN b.outcome = 'success' THEN 1 WHEN greatest(b.planned, n.tasks) = 0 THEN 0 ELSE round(n.ended::numeric / greatest(b.planned, n.tasks), 4) END AS progress,
       b.parent_id, b.root_id, b.cause_id, b.called, b.tenant, b.created_by, b.created_at, n.started_at, b.ended_at, b.error
  FROM drumbeat.batch b
 CROSS JOIN LATERAL (
    SELECT count(*) AS tasks, count(e.task_id) AS ended, count(r.task_id) AS running,
           count(*) FILTER (WHERE e.status = 'SUCCESS') AS success, count(*) FILTER (WHERE e.status = 'ERRORED') AS errored,
           count(*) FILTER (WHERE e.status = 'KILLED') AS killed, count(*) FILTER (WHERE e.status = 'SKIPPED') AS skipped,
           least(min(e.started_at), min(r.started_at)) AS started_at
      FROM drumbeat.batch_tree(b.id) t(id) JOIN drumbeat.task_body m ON m.batch_id = t.id AND m.id >= drumbeat.member_floor(t.id)
      LEFT JOIN drumbeat.ended e ON e.task_id = m.id
      LEFT JOIN drumbeat.running r ON r.task_id = m.id AND r.started_at IS NOT NULL
) n;

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
              WHERE p.pronamespace = 'drumbeat'::regnamespace
                AND p.proname IN ('batch_tree', 'member_floor', 'results_to_pass', 'batch_results', 'task_complaint', 'check_workflow', 'count_tasks', 'join_batch', 'enter_batch',
                                  'leave_batches', 'put_off', 'check_batch', 'step_chain', 'start_step', 'try_step', 'enqueue_members', 'fill_group', 'start_batch', 'end_batch',
                                  'try_callback', 'start_callback', 'enqueue_workflow', 'open_batch', 'close_batch', 'stop_members', 'cancel_batch', 'may_rejoin', 'rejoin_batch',
                                  'retry_batch', 'finish_batches', 'follow_cancels', 'sweep_batches') LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO drumbeat_work', f);
        END IF;
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_enqueue') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.enqueue_workflow, drumbeat.open_batch, drumbeat.close_batch, drumbeat.cancel_batch, drumbeat.retry_batch TO drumbeat_enqueue;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON drumbeat.batch, drumbeat.batch_status TO drumbeat_read;
        GRANT EXECUTE ON FUNCTION drumbeat.batch_tree, drumbeat.member_floor, drumbeat.born, drumbeat.batch_results TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON drumbeat.batch, drumbeat.batch_open, drumbeat.batch_failed, drumbeat.batch_due, drumbeat.batch_cancel, drumbeat.batch_swept,
            drumbeat.batch_status TO drumbeat_work;
    END IF;
END $$;
