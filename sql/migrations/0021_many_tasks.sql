-- Many tasks at once: which ones are meant, how many they are, and retry or cancel for them in batches that an operator's tool or an
-- API repeats until nothing is left. Dead letters are the tasks that ended as ERRORED, KILLED or SKIPPED.

-- What an error says without what differs from task to task, so that a thousand failures of one cause are one line: UUIDs, hexadecimal
-- and decimal numbers become '#'. At most 200 characters.
CREATE FUNCTION drumbeat.cause(error text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(regexp_replace(regexp_replace(left(error, 1000),
                '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+', '#', 'gi'), '[0-9]+([.,][0-9]+)*', '#', 'g'), 200)
$$;

-- The dead letters that are meant; NULL: any. `since`: ended at that moment or later. Inlined: what is asked of it decides the plan.
CREATE FUNCTION drumbeat.dead(status text DEFAULT NULL, name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                              schedule text DEFAULT NULL, batch uuid DEFAULT NULL, cause text DEFAULT NULL, since timestamptz DEFAULT NULL)
RETURNS TABLE (id uuid, ended_at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT e.task_id, e.ended_at FROM drumbeat.ended e JOIN drumbeat.task_body b ON b.id = e.task_id
     WHERE e.status <> 'SUCCESS'
       AND (dead.status IS NULL OR e.status = dead.status) AND (dead.since IS NULL OR e.ended_at >= dead.since)
       AND (dead.name IS NULL OR b.name = dead.name) AND (dead.queue IS NULL OR b.queue = dead.queue)
       AND (dead.tenant IS NULL OR b.tenant = dead.tenant) AND (dead.schedule IS NULL OR b.schedule = dead.schedule)
       AND (dead.batch IS NULL OR b.batch_id = dead.batch) AND (dead.cause IS NULL OR drumbeat.cause(e.error) = dead.cause)
$$;

-- The unfinished tasks that are meant and that nobody has cancelled yet; NULL: any. `since`: enqueued at that moment or later.
CREATE FUNCTION drumbeat.unfinished(status text DEFAULT NULL, name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                                    schedule text DEFAULT NULL, batch uuid DEFAULT NULL, since timestamptz DEFAULT NULL)
RETURNS TABLE (id uuid, created_at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT t.id, t.created_at FROM drumbeat.task t
     WHERE t.status IN ('QUEUED', 'RUNNING') AND NOT t.should_be_killed
       AND (unfinished.status IS NULL OR t.status = unfinished.status) AND (unfinished.since IS NULL OR t.created_at >= unfinished.since)
       AND (unfinished.name IS NULL OR t.name = unfinished.name) AND (unfinished.queue IS NULL OR t.queue = unfinished.queue)
       AND (unfinished.tenant IS NULL OR t.tenant = unfinished.tenant) AND (unfinished.schedule IS NULL OR t.schedule = unfinished.schedule)
       AND (unfinished.batch IS NULL OR t.batch_id = unfinished.batch)
$$;

-- Retry dead letters that ended before `before`, in the order of their ids, at most `most` of those behind `after`. One row: how many were
-- looked at, how many of them are queued again (another task may hold the key of one), and the last id. Ask again with
-- after => last until `seen` is 0.
CREATE FUNCTION drumbeat.retry_where(status text DEFAULT 'ERRORED', name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                                     schedule text DEFAULT NULL, batch uuid DEFAULT NULL, cause text DEFAULT NULL, since timestamptz DEFAULT NULL,
                                     before timestamptz DEFAULT NULL, after uuid DEFAULT NULL, most int DEFAULT 1000)
RETURNS TABLE (seen int, changed int, last uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    one uuid;
BEGIN
    seen := 0;
    changed := 0;
    FOR one IN SELECT d.id FROM drumbeat.dead(status, name, queue, tenant, schedule, batch, cause, since) d
                WHERE (after IS NULL OR d.id > after) AND (before IS NULL OR d.ended_at < before) ORDER BY d.id LIMIT most LOOP
        seen := seen + 1;
        changed := changed + coalesce(drumbeat.retry(one), false)::int;
        last := one;
    END LOOP;
    RETURN NEXT;
END $$;

-- Cancel unfinished tasks that were enqueued before `before`, at most `most`. One row: how many were looked at, and for how many it could be
-- done (the others had ended meanwhile). Ask again until `seen` is 0.
CREATE FUNCTION drumbeat.cancel_where(status text DEFAULT NULL, name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                                      schedule text DEFAULT NULL, batch uuid DEFAULT NULL, since timestamptz DEFAULT NULL,
                                      before timestamptz DEFAULT NULL, most int DEFAULT 1000)
RETURNS TABLE (seen int, changed int) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    one uuid;
BEGIN
    seen := 0;
    changed := 0;
    FOR one IN SELECT u.id FROM drumbeat.unfinished(status, name, queue, tenant, schedule, batch, since) u
                WHERE before IS NULL OR u.created_at < before LIMIT most LOOP
        seen := seen + 1;
        changed := changed + coalesce(drumbeat.cancel(one), false)::int;
    END LOOP;
    RETURN NEXT;
END $$;

-- Dead letters grouped by handler and cause, the most frequent first, at most `most` groups. `example` is the newest of its group.
CREATE FUNCTION drumbeat.failures(status text DEFAULT 'ERRORED', name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                                  schedule text DEFAULT NULL, batch uuid DEFAULT NULL, since timestamptz DEFAULT NULL, most int DEFAULT 100)
RETURNS TABLE (name text, cause text, tasks bigint, first_at timestamptz, last_at timestamptz, example uuid) LANGUAGE sql STABLE AS $$
    SELECT b.name, drumbeat.cause(e.error), count(*), min(e.ended_at), max(e.ended_at), (array_agg(e.task_id ORDER BY e.ended_at DESC))[1]
      FROM drumbeat.dead(failures.status, failures.name, failures.queue, failures.tenant, failures.schedule, failures.batch, NULL, failures.since) d
      JOIN drumbeat.ended e ON e.task_id = d.id JOIN drumbeat.task_body b ON b.id = d.id
     GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT failures.most
$$;

REVOKE ALL ON FUNCTION drumbeat.cause, drumbeat.dead, drumbeat.unfinished, drumbeat.retry_where, drumbeat.cancel_where, drumbeat.failures FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_enqueue') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.retry_where, drumbeat.cancel_where TO drumbeat_enqueue;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.cause, drumbeat.dead, drumbeat.unfinished, drumbeat.failures TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.cause, drumbeat.dead, drumbeat.unfinished, drumbeat.failures, drumbeat.retry_where, drumbeat.cancel_where
           TO drumbeat_work;
    END IF;
END $$;
