-- History on shelves: task_body, ended, past_attempt and task_log are partitioned by the task's id, so by the time of its enqueue. A shelf is
-- a span of time with a partition of each, named task_body_7, ended_7, …; the first has no beginning. Shelves are made ahead of time; what
-- falls on none is kept by the default partitions (task_body_rest, …), so that no enqueue fails for want of a shelf; it goes with the shelves
-- around its time.
--
-- Nothing is deleted row by row. When the shortest time for which tasks are kept is over for all of a shelf, prune() copies what must stay
-- of it and of the first shelf (longer kept outcomes and queues, tasks that have not ended) to a new one, a bounded batch a
-- transaction, then puts the new one in the place of the two and drops them:
--
--        first | 4 | 5 | 6 ahead                      first ' | 5 | 6 ahead
--          `-----'  copied: what must stay   ------->
--
-- Both go on being read and written meanwhile: triggers, on these two shelves only, note which tasks were written to, and those are copied
-- again. Killed anywhere, prune() goes on where it was; one row says where.

CREATE SEQUENCE drumbeat.shelf_seq;

CREATE TABLE drumbeat.shelf (
    number  integer PRIMARY KEY,
    from_at timestamptz NOT NULL UNIQUE,  -- '-infinity': the first
    to_at   timestamptz NOT NULL,
    copied  bigint[] NOT NULL DEFAULT '{0,0,0,0}' -- rows of its tables, in the order of shelved(), that came from shelves before it
);

-- How many rows were ever new in tables that are gone, in the order of shelved().
CREATE TABLE drumbeat.forgotten (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    rows bigint[] NOT NULL DEFAULT '{0,0,0,0}'
);
INSERT INTO drumbeat.forgotten DEFAULT VALUES;

-- The one prune under way.
CREATE TABLE drumbeat.pruning (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    phase   text NOT NULL CHECK (phase IN ('copy', 'drop')),
    sources integer[] NOT NULL,   -- the shelves that are replaced
    target  integer NOT NULL,     -- the one that is being filled
    to_at   timestamptz NOT NULL, -- where they end
    policy  jsonb NOT NULL,
    done    uuid NOT NULL,        -- tasks up to this id are dealt with
    seen    bigint NOT NULL DEFAULT 0,
    kept    bigint NOT NULL DEFAULT 0,
    copied  bigint[] NOT NULL DEFAULT '{0,0,0,0}' -- as a shelf has it
);

-- Tasks of its sources that were written to since.
CREATE TABLE drumbeat.pruning_touched (
    task_id uuid NOT NULL
);

-- The lowest id of a moment.
CREATE FUNCTION drumbeat.first_id(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT rpad(lpad(to_hex(ceil(extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- The tables of the history and the columns they are partitioned by, in the order in which they are locked: a worker's transaction settles
-- before it claims.
CREATE FUNCTION drumbeat.shelved() RETURNS TABLE (name text, key text) LANGUAGE sql IMMUTABLE AS $$
    VALUES ('ended', 'task_id'), ('past_attempt', 'task_id'), ('task_log', 'task_id'), ('task_body', 'id')
$$;

-- Tables for a shelf, on which nothing stands yet. With them stands what is true of their ids, or attaching them would read them through.
CREATE FUNCTION drumbeat.make_shelf(number int, from_at timestamptz, to_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t     record;
    lower text;
BEGIN
    FOR t IN SELECT * FROM drumbeat.shelved() LOOP
        lower := CASE WHEN from_at = '-infinity' THEN '' ELSE format(' AND %I >= %L', t.key, drumbeat.first_id(from_at)) END;
        EXECUTE format('CREATE TABLE drumbeat.%I (LIKE drumbeat.%I INCLUDING ALL EXCLUDING IDENTITY)', t.name || '_' || number, t.name);
        EXECUTE format('ALTER TABLE drumbeat.%I ADD CONSTRAINT shelf CHECK (%I IS NOT NULL AND %I < %L%s)',
                       t.name || '_' || number, t.key, t.key, drumbeat.first_id(to_at), lower);
    END LOOP;
    EXECUTE format('ALTER TABLE drumbeat.%I ALTER COLUMN created_at SET STATISTICS 0', 'task_body_' || number); -- as 0001 says
END $$;

-- Put a shelf up.
CREATE FUNCTION drumbeat.hang_shelf(number int, from_at timestamptz, to_at timestamptz, copied bigint[] DEFAULT '{0,0,0,0}') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT * FROM drumbeat.shelved() LOOP
        EXECUTE format('ALTER TABLE drumbeat.%I ATTACH PARTITION drumbeat.%I FOR VALUES FROM (%s) TO (%L)', t.name, t.name || '_' || number,
                       CASE WHEN from_at = '-infinity' THEN 'MINVALUE' ELSE quote_literal(drumbeat.first_id(from_at)) END, drumbeat.first_id(to_at));
        EXECUTE format('ALTER TABLE drumbeat.%I DROP CONSTRAINT shelf', t.name || '_' || number);
    END LOOP;
    INSERT INTO drumbeat.shelf VALUES (number, from_at, to_at, copied);
END $$;

-- See that there is a shelf for the next `width` of time. After a gap (nobody looked for longer than that) it begins in an hour, so that
-- nothing that belongs on it stands elsewhere. True: one was made. Waits little for others' locks: SQLSTATE 55P03, try again.
CREATE FUNCTION drumbeat.shelve_ahead(width interval) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms' AS $$
DECLARE
    last_at timestamptz;
    number  int;
BEGIN
    SELECT max(s.to_at) INTO last_at FROM drumbeat.shelf s;
    IF last_at > clock_timestamp() + width / 2 OR NOT pg_try_advisory_xact_lock(hashtext('drumbeat.shelf')) THEN
        RETURN false;
    END IF;
    IF last_at <= clock_timestamp() + interval '1 minute' THEN
        last_at := date_trunc('hour', clock_timestamp()) + interval '2 hours';
    END IF;
    number := nextval('drumbeat.shelf_seq');
    PERFORM drumbeat.make_shelf(number, last_at, last_at + width);
    PERFORM drumbeat.hang_shelf(number, last_at, last_at + width);
    RETURN true;
EXCEPTION WHEN lock_not_available OR deadlock_detected OR check_violation THEN -- the last: something of that time stands elsewhere already
    RETURN false;
END $$;

-- Gather the statistics of the whole of task_body when it has doubled or halved: autovacuum gathers those of its partitions only, and a list is
-- planned by both. From a smaller sample than usual (a second with 10 million tasks): the caller's lease waits for it. True: gathered.
CREATE FUNCTION drumbeat.weigh_history() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '200ms' SET default_statistics_target = 20 AS $$
DECLARE
    known float8;
    found float8;
BEGIN
    SELECT c.reltuples, (SELECT sum(greatest(p.reltuples, 0)) FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid WHERE i.inhparent = c.oid)
      INTO known, found FROM pg_class c WHERE c.oid = 'drumbeat.task_body'::regclass;
    IF found < 10000 OR (known > found / 2 AND known < found * 2) OR NOT pg_try_advisory_xact_lock(hashtext('drumbeat.shelf')) THEN
        RETURN false;
    END IF;
    ANALYZE drumbeat.task_body;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

-- What must stay -----------------------------------------------------------------------------------------------------------

-- For how long an outcome of a queue is kept, as the policy says: seconds by status, {"success": …, "errored": …, "killed": …, "skipped": …,
-- "queues": {"name": {"errored": …}}}. NULL: for ever (0, or not said).
CREATE FUNCTION drumbeat.kept_for(policy jsonb, status text, queue text) RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT make_interval(secs => nullif(coalesce(policy -> 'queues' -> queue ->> lower(status), policy ->> lower(status))::float8, 0))
$$;

-- Whether something beside its own retention needs a task that has ended. The place to name more such things.
CREATE FUNCTION drumbeat.is_needed(body drumbeat.task_body) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM drumbeat.unique_lock l WHERE l.task_id = body.id)
        OR body.batch_id IS NOT NULL AND EXISTS (SELECT FROM drumbeat.batch b WHERE b.id = body.batch_id AND b.ended_at IS NULL)
$$;

-- Those of the tasks from `low` to `high` that must stay: all that have not ended, and who is kept longer.
CREATE FUNCTION drumbeat.staying(low uuid, high uuid, policy jsonb) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    SELECT b.id FROM drumbeat.task_body b
      LEFT JOIN drumbeat.ended e ON e.task_id = b.id AND e.task_id >= low AND e.task_id <= high
     WHERE b.id >= low AND b.id <= high
       AND (e.task_id IS NULL OR coalesce(e.ended_at + drumbeat.kept_for(policy, e.status, b.queue) > clock_timestamp(), true) OR drumbeat.is_needed(b))
$$;

-- Copy all that belongs to these tasks, whose ids are from low to high, to the shelf that is being filled.
CREATE FUNCTION drumbeat.copy_to_shelf(number int, ids uuid[], low uuid, high uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t      record;
    cols   text;
    count  bigint;
    counts bigint[] := '{}';
BEGIN
    FOR t IN SELECT * FROM drumbeat.shelved() LOOP
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO cols FROM pg_attribute a
         WHERE a.attrelid = format('drumbeat.%I', t.name)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
        EXECUTE format('INSERT INTO drumbeat.%1$I (%3$s) SELECT %3$s FROM drumbeat.%2$I WHERE %4$I >= $2 AND %4$I <= $3 AND %4$I = ANY ($1)',
                       t.name || '_' || number, t.name, cols, t.key) USING ids, low, high;
        GET DIAGNOSTICS count = ROW_COUNT;
        counts := counts || count;
    END LOOP;
    UPDATE drumbeat.pruning p SET copied = ARRAY(SELECT a + b FROM unnest(p.copied, counts) WITH ORDINALITY u(a, b, place) ORDER BY place);
END $$;

-- Copy again what was written to since it was copied, at most `most` notes of it. Answers how many.
CREATE FUNCTION drumbeat.copy_touched(p drumbeat.pruning, most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    t     record;
    one   uuid;
    count int := 0;
BEGIN
    FOR one IN
        WITH notes AS (
            DELETE FROM drumbeat.pruning_touched n WHERE n.ctid = ANY (ARRAY(SELECT x.ctid FROM drumbeat.pruning_touched x LIMIT most)) RETURNING n.task_id
        )
        SELECT DISTINCT n.task_id FROM notes n
    LOOP
        count := count + 1;
        CONTINUE WHEN one > p.done; -- it is copied in its turn
        FOR t IN SELECT * FROM drumbeat.shelved() LOOP
            EXECUTE format('DELETE FROM drumbeat.%I WHERE %I = $1', t.name || '_' || p.target, t.key) USING one;
        END LOOP;
        IF EXISTS (SELECT FROM drumbeat.staying(one, one, p.policy)) THEN
            PERFORM drumbeat.copy_to_shelf(p.target, ARRAY[one], one, one);
        END IF;
    END LOOP;
    RETURN count;
END $$;

CREATE FUNCTION drumbeat.note_touched() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    it jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
BEGIN
    INSERT INTO drumbeat.pruning_touched VALUES ((it ->> TG_ARGV[0])::uuid);
    RETURN NULL;
END $$;

-- The steps ----------------------------------------------------------------------------------------------------------------

-- How much of a shelf could go, 0 to 1, from a sample of about ten thousand. NULL: nothing stands on it.
CREATE FUNCTION drumbeat.idle_share(number int, policy jsonb) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    share float8;
    pages float8 := pg_relation_size(format('drumbeat.%I', 'ended_' || number)::regclass) / current_setting('block_size')::float8;
BEGIN
    EXECUTE format('SELECT avg((e.ended_at + drumbeat.kept_for($1, e.status, b.queue) <= clock_timestamp() IS TRUE)::int)
                      FROM drumbeat.%I e TABLESAMPLE SYSTEM (%s) JOIN drumbeat.%I b ON b.id = e.task_id',
                   'ended_' || number, least(100, 100 * 200 / greatest(pages, 1)), 'task_body_' || number) INTO share USING policy;
    RETURN share;
END $$;

-- Begin with the two oldest shelves when the shortest time is over for both and it is worth a copy of the rest. False: nothing to do.
CREATE FUNCTION drumbeat.begin_prune(policy jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    first  drumbeat.shelf;
    second drumbeat.shelf;
    target int;
    t      record;
    short  float8;
    long   float8;
BEGIN
    SELECT * INTO first FROM drumbeat.shelf s ORDER BY s.from_at LIMIT 1;
    SELECT * INTO second FROM drumbeat.shelf s WHERE s.from_at >= first.to_at ORDER BY s.from_at LIMIT 1; -- a gap between them goes with them
    SELECT min(k.seconds), max(k.seconds) INTO short, long FROM (
        SELECT nullif(v.value::text::float8, 0) AS seconds FROM jsonb_each(policy - 'queues') v
        UNION ALL
        SELECT nullif(v.value::text::float8, 0) FROM jsonb_each(policy -> 'queues') q, jsonb_each(q.value) v) k;
    IF short IS NULL OR second.to_at + make_interval(secs => short) > clock_timestamp() IS NOT FALSE
       OR (second.to_at + make_interval(secs => long) > clock_timestamp()
           AND coalesce(drumbeat.idle_share(second.number, policy), 1) < 0.2 AND coalesce(drumbeat.idle_share(first.number, policy), 0) < 0.5) THEN
        RETURN false;
    END IF;
    target := nextval('drumbeat.shelf_seq');
    PERFORM drumbeat.make_shelf(target, '-infinity', second.to_at);
    -- A trigger waits for who is writing: whatever is not noted has committed before the first copy is made.
    FOR t IN SELECT s.name, s.key, n.shelf FROM drumbeat.shelved() s, unnest(ARRAY[first.number::text, second.number::text, 'rest']) n(shelf) LOOP
        EXECUTE format('CREATE TRIGGER pruning AFTER INSERT OR UPDATE OR DELETE ON drumbeat.%I FOR EACH ROW EXECUTE FUNCTION drumbeat.note_touched(%L)',
                       t.name || '_' || t.shelf, t.key);
    END LOOP;
    INSERT INTO drumbeat.pruning (phase, sources, target, to_at, policy, done)
    VALUES ('copy', ARRAY[first.number, second.number], target, second.to_at, policy, '00000000-0000-0000-0000-000000000000');
    RETURN true;
END $$;

-- Look at the next `most` tasks. False: there is none left.
CREATE FUNCTION drumbeat.copy_some(p drumbeat.pruning, most int) RETURNS boolean LANGUAGE plpgsql SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    looks uuid[] := ARRAY(SELECT b.id FROM drumbeat.task_body b WHERE b.id > p.done AND b.id < drumbeat.first_id(p.to_at) ORDER BY b.id LIMIT most);
    low   uuid := looks[1];
    high  uuid := looks[cardinality(looks)];
    ids   uuid[];
BEGIN
    IF high IS NULL THEN
        RETURN false;
    END IF;
    ids := ARRAY(SELECT drumbeat.staying(low, high, p.policy));
    IF cardinality(ids) > 0 THEN
        PERFORM drumbeat.copy_to_shelf(p.target, ids, low, high);
    END IF;
    UPDATE drumbeat.pruning SET done = high, seen = seen + cardinality(looks), kept = kept + cardinality(ids);
    RETURN true;
END $$;

-- Rows that were new in a table, as the server counts them anyway. NULL: there is no such table.
CREATE FUNCTION drumbeat.new_rows(name text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT pg_stat_get_tuples_inserted(to_regclass(format('drumbeat.%I', name)))
$$;

-- What fell on no shelf and is older than `to_at` has been copied: the default partitions are emptied of it. They hold nothing younger unless
-- there is another gap.
CREATE FUNCTION drumbeat.clear_rest(to_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t     record;
    older boolean;
    newer boolean;
BEGIN
    FOR t IN SELECT s.name || '_rest' AS name, s.key FROM drumbeat.shelved() s LOOP
        EXECUTE format('DROP TRIGGER pruning ON drumbeat.%I', t.name);
        EXECUTE format('SELECT EXISTS (SELECT FROM drumbeat.%1$I WHERE %2$I < $1), EXISTS (SELECT FROM drumbeat.%1$I WHERE %2$I >= $1)', t.name, t.key)
           INTO older, newer USING drumbeat.first_id(to_at);
        IF older AND newer THEN
            EXECUTE format('DELETE FROM drumbeat.%I WHERE %I < $1', t.name, t.key) USING drumbeat.first_id(to_at);
        ELSIF older THEN
            EXECUTE format('TRUNCATE drumbeat.%I', t.name);
        END IF;
    END LOOP;
END $$;

-- Put the new shelf in the place of the old ones. Nobody reads or writes history meanwhile; that takes some milliseconds.
CREATE FUNCTION drumbeat.swap_shelves(p drumbeat.pruning) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t record;
    n int;
BEGIN
    FOR t IN SELECT * FROM drumbeat.shelved() LOOP
        EXECUTE format('LOCK TABLE drumbeat.%I IN ACCESS EXCLUSIVE MODE', t.name);
    END LOOP;
    p.done := drumbeat.first_id(p.to_at); -- no more turns are to come
    LOOP
        EXIT WHEN drumbeat.copy_touched(p, 1000) = 0;
    END LOOP;
    SELECT x.copied INTO p.copied FROM drumbeat.pruning x;
    UPDATE drumbeat.forgotten f
       SET rows = ARRAY(SELECT f.rows[u.place] + sum(greatest(0, drumbeat.new_rows(u.name || '_' || s.number) - s.copied[u.place]))
                          FROM drumbeat.shelved() WITH ORDINALITY u(name, key, place), drumbeat.shelf s WHERE s.number = ANY (p.sources)
                         GROUP BY u.place ORDER BY u.place);
    FOR t IN SELECT * FROM drumbeat.shelved() LOOP
        FOREACH n IN ARRAY p.sources LOOP
            EXECUTE format('ALTER TABLE drumbeat.%I DETACH PARTITION drumbeat.%I', t.name, t.name || '_' || n);
        END LOOP;
    END LOOP;
    DELETE FROM drumbeat.shelf s WHERE s.number = ANY (p.sources);
    PERFORM drumbeat.clear_rest(p.to_at);
    PERFORM drumbeat.hang_shelf(p.target, '-infinity', p.to_at, p.copied);
    UPDATE drumbeat.pruning SET phase = 'drop';
END $$;

CREATE FUNCTION drumbeat.drop_shelves(p drumbeat.pruning) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t record;
    n int;
BEGIN
    FOR t IN SELECT * FROM drumbeat.shelved() LOOP
        FOREACH n IN ARRAY p.sources LOOP
            EXECUTE format('DROP TABLE drumbeat.%I', t.name || '_' || n);
        END LOOP;
    END LOOP;
    DELETE FROM drumbeat.pruning;
    DELETE FROM drumbeat.pruning_touched;
END $$;

-- One step of forgetting, one transaction. `state` is what it came to: idle (nothing is due), busy (somebody else is at it), later (locks were
-- in the way: try again after a while), begun, copied, swapped, dropped. `seen` and `kept` count the tasks of the prune under
-- way so far.
CREATE FUNCTION drumbeat.prune(policy jsonb, most int DEFAULT 5000) RETURNS TABLE (state text, seen bigint, kept bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET jit = off AS $$
#variable_conflict use_column
DECLARE
    p drumbeat.pruning;
BEGIN
    state := 'busy';
    IF pg_try_advisory_xact_lock(hashtext('drumbeat.prune')) THEN
        SELECT * INTO p FROM drumbeat.pruning;
        IF NOT FOUND THEN
            state := CASE WHEN drumbeat.begin_prune(policy) THEN 'begun' ELSE 'idle' END;
        ELSIF p.phase = 'drop' THEN
            PERFORM drumbeat.drop_shelves(p);
            state := 'dropped';
        ELSIF drumbeat.copy_some(p, most) OR drumbeat.copy_touched(p, 1000) > 100 THEN
            state := 'copied';
        ELSE
            PERFORM drumbeat.swap_shelves(p);
            state := 'swapped';
        END IF;
    END IF;
    seen := p.seen;
    kept := p.kept;
    RETURN NEXT;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    state := 'later';
    RETURN NEXT;
END $$;

-- How many rows there ever were of each kind, those that were forgotten too: of the tables that there are and of those that are gone. It never
-- falls, but when the server's statistics are reset.
CREATE VIEW drumbeat.history_total AS
SELECT u.name,
       (f.rows[u.place] + drumbeat.new_rows(u.name || '_rest')
        + coalesce((SELECT sum(greatest(0, drumbeat.new_rows(u.name || '_' || s.number) - s.copied[u.place])) FROM drumbeat.shelf s), 0))::bigint AS rows
  FROM drumbeat.forgotten f, drumbeat.shelved() WITH ORDINALITY u(name, key, place);

-- The first shelves: all before today, and today. Who works makes more.
DO $$
DECLARE
    t     record;
    today timestamptz := date_trunc('day', clock_timestamp());
BEGIN
    FOR t IN SELECT * FROM drumbeat.shelved() LOOP
        EXECUTE format('CREATE TABLE drumbeat.%I PARTITION OF drumbeat.%I DEFAULT', t.name || '_rest', t.name);
    END LOOP;
    ALTER TABLE drumbeat.task_body_rest ALTER COLUMN created_at SET STATISTICS 0;
    PERFORM drumbeat.make_shelf(1, '-infinity', today), drumbeat.hang_shelf(1, '-infinity', today),
            drumbeat.make_shelf(2, today, today + interval '1 day'), drumbeat.hang_shelf(2, today, today + interval '1 day'),
            setval('drumbeat.shelf_seq', 2);
END $$;

REVOKE ALL ON FUNCTION drumbeat.first_id, drumbeat.shelved, drumbeat.make_shelf, drumbeat.hang_shelf, drumbeat.shelve_ahead, drumbeat.weigh_history, drumbeat.kept_for,
    drumbeat.is_needed, drumbeat.new_rows, drumbeat.clear_rest, drumbeat.staying, drumbeat.copy_to_shelf, drumbeat.copy_touched, drumbeat.note_touched, drumbeat.idle_share,
    drumbeat.begin_prune, drumbeat.copy_some, drumbeat.swap_shelves, drumbeat.drop_shelves, drumbeat.prune FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.shelve_ahead, drumbeat.weigh_history, drumbeat.prune TO drumbeat_work;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON drumbeat.history_total, drumbeat.shelf, drumbeat.pruning TO drumbeat_read;
        GRANT EXECUTE ON FUNCTION drumbeat.new_rows, drumbeat.shelved TO drumbeat_read;
    END IF;
END $$;
