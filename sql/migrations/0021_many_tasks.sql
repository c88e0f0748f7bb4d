-- Many tasks at once: which ones are meant, how many they are, and retry or cancel for them in batches that an operator's tool or an
-- API repeats until nothing is left. Dead letters are the tasks that ended as ERRORED, KILLED or SKIPPED.

-- What an error says without what differs from task to task, so that a thousand failures of one cause are one line: UUIDs, hexadecimal
-- and decimal numbers become '#'. At most 200 characters.
CREATE FUNCTION drumbeat.cause(error text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT left(regexp_replace(regexp_replace(left(error, 1000),
                '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]+', '#', 'gi'), '[0-9]+([.,][0-9]+)*', '#', 'g'), 200)
$$;

-- The dead letters that are meant; NULL: any. `since`: ended at that moment or later. Inlined, and OFFSET 0 keeps the bodies from leading: there
-- is one for every task that ever was.
CREATE FUNCTION drumbeat.dead(status text DEFAULT NULL, name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                              schedule text DEFAULT NULL, batch uuid DEFAULT NULL, cause text DEFAULT NULL, since timestamptz DEFAULT NULL)
RETURNS TABLE (id uuid, ended_at timestamptz, name text, error text) LANGUAGE sql STABLE AS $$
    SELECT e.task_id, e.ended_at, b.name, e.error
      FROM drumbeat.ended e CROSS JOIN LATERAL (SELECT * FROM drumbeat.task_body t WHERE t.id = e.task_id OFFSET 0) b
     WHERE e.status <> 'SUCCESS'
       AND (dead.status IS NULL OR e.status = dead.status) AND (dead.since IS NULL OR e.ended_at >= dead.since)
       AND ($2 IS NULL OR b.name = $2) AND (dead.queue IS NULL OR b.queue = dead.queue)
       AND (dead.tenant IS NULL OR b.tenant = dead.tenant) AND (dead.schedule IS NULL OR b.schedule = dead.schedule)
       AND (dead.batch IS NULL OR b.batch_id = dead.batch) AND (dead.cause IS NULL OR drumbeat.cause(e.error) = dead.cause)
$$;

-- The unfinished tasks that are meant and that nobody has cancelled yet; NULL: any. `since`: enqueued at that moment or later. A task that is
-- claimed but not started is QUEUED, as in the view.
CREATE FUNCTION drumbeat.unfinished(status text DEFAULT NULL, name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                                    schedule text DEFAULT NULL, batch uuid DEFAULT NULL, since timestamptz DEFAULT NULL)
RETURNS TABLE (id uuid, created_at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT w.task_id, b.created_at
      FROM (SELECT r.task_id, 'QUEUED' AS status FROM drumbeat.ready r
            UNION ALL SELECT g.task_id, 'QUEUED' FROM drumbeat.gated g
            UNION ALL SELECT d.task_id, 'QUEUED' FROM drumbeat.delayed d
            UNION ALL SELECT s.task_id, CASE WHEN s.started_at IS NULL THEN 'QUEUED' ELSE 'RUNNING' END FROM drumbeat.sent s
            UNION ALL SELECT x.task_id, CASE WHEN x.started_at IS NULL THEN 'QUEUED' ELSE 'RUNNING' END FROM drumbeat.running x) w
     CROSS JOIN LATERAL (SELECT * FROM drumbeat.task_body t WHERE t.id = w.task_id OFFSET 0) b
     WHERE NOT EXISTS (SELECT FROM drumbeat.cancel_request c WHERE c.task_id = w.task_id)
       AND (unfinished.status IS NULL OR w.status = unfinished.status) AND (unfinished.since IS NULL OR b.created_at >= unfinished.since)
       AND (unfinished.name IS NULL OR b.name = unfinished.name) AND (unfinished.queue IS NULL OR b.queue = unfinished.queue)
       AND (unfinished.tenant IS NULL OR b.tenant = unfinished.tenant) AND (unfinished.schedule IS NULL OR b.schedule = unfinished.schedule)
       AND (unfinished.batch IS NULL OR b.batch_id = unfinished.batch)
$$;

-- Retry dead letters that ended before `before`, and cancel unfinished tasks that were enqueued before it: in the order of their ids, at most
-- `most` of those behind `after`. One row: how many were looked at, for how many it could be done (another task may hold the key of a dead
-- one; another may have ended meanwhile), and the last id. Ask again with after => last until `seen` is 0. Planner settings: each batch
-- goes on in the index where the last one ended, whatever the tables looked like when they were analysed. EXECUTE: the question is planned for
-- what is asked, the changes are not planned again for each task.
CREATE FUNCTION drumbeat.retry_where(status text DEFAULT 'ERRORED', name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                                     schedule text DEFAULT NULL, batch uuid DEFAULT NULL, cause text DEFAULT NULL, since timestamptz DEFAULT NULL,
                                     before timestamptz DEFAULT NULL, after uuid DEFAULT NULL, most int DEFAULT 1000)
RETURNS TABLE (seen int, changed int, last uuid) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_sort = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    one uuid;
BEGIN
    seen := 0;
    changed := 0;
    FOR one IN EXECUTE 'SELECT d.id FROM drumbeat.dead($1, $2, $3, $4, $5, $6, $7, $8) d WHERE d.ended_at < $9 AND d.id > $10 ORDER BY d.id LIMIT $11'
                 USING status, name, queue, tenant, schedule, batch, cause, since, coalesce(before, 'infinity'),
                       coalesce(after, '00000000-0000-0000-0000-000000000000'), most LOOP
        seen := seen + 1;
        changed := changed + coalesce(drumbeat.retry(one), false)::int;
        last := one;
    END LOOP;
    RETURN NEXT;
END $$;

CREATE FUNCTION drumbeat.cancel_where(status text DEFAULT NULL, name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                                      schedule text DEFAULT NULL, batch uuid DEFAULT NULL, since timestamptz DEFAULT NULL,
                                      before timestamptz DEFAULT NULL, after uuid DEFAULT NULL, most int DEFAULT 1000)
RETURNS TABLE (seen int, changed int, last uuid) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET enable_sort = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    one uuid;
BEGIN
    seen := 0;
    changed := 0;
    FOR one IN EXECUTE 'SELECT u.id FROM drumbeat.unfinished($1, $2, $3, $4, $5, $6, $7) u WHERE u.created_at < $8 AND u.id > $9 ORDER BY u.id LIMIT $10'
                 USING status, name, queue, tenant, schedule, batch, since, coalesce(before, 'infinity'),
                       coalesce(after, '00000000-0000-0000-0000-000000000000'), most LOOP
        seen := seen + 1;
        changed := changed + coalesce(drumbeat.cancel(one), false)::int;
        last := one;
    END LOOP;
    RETURN NEXT;
END $$;

-- Dead letters grouped by handler and cause, the most frequent first, at most `most` groups. `example` is the newest of its group.
CREATE FUNCTION drumbeat.failures(status text DEFAULT 'ERRORED', name text DEFAULT NULL, queue text DEFAULT NULL, tenant text DEFAULT NULL,
                                  schedule text DEFAULT NULL, batch uuid DEFAULT NULL, since timestamptz DEFAULT NULL, most int DEFAULT 100)
RETURNS TABLE (name text, cause text, tasks bigint, first_at timestamptz, last_at timestamptz, example uuid) LANGUAGE sql STABLE AS $$
    SELECT d.name, drumbeat.cause(d.error), count(*), min(d.ended_at), max(d.ended_at), (array_agg(d.id ORDER BY d.ended_at DESC))[1]
      FROM drumbeat.dead($1, $2, $3, $4, $5, $6, NULL, $7) d
     GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT $8
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
