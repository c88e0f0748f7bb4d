-- Tasks that came as messages of Celery clients. The task is an ordinary one with an id of its own; the message's id, which may be any text,
-- is its external_id. What is held of the message stands here until the task has ended, its result is out and the message is
-- acknowledged:
--
--    claimed in Redis --celery_take--> row here, task QUEUED ... RUNNING ... ended --result, then ack--> no row
--
-- Everything follows from rows, so whoever died between two steps is replaced by whoever looks next.
--
-- These tables are empty when plans are made and kept, and full when they are used: what is looked up in them, a row for each of many, stands in a
-- subquery (LATERAL … LIMIT 1, ANY (ARRAY(…))), or a plan might compare every pair.

CREATE TABLE drumbeat.celery_message (
    task_id     uuid PRIMARY KEY,
    external_id text COLLATE "C" NOT NULL UNIQUE,
    queue       text NOT NULL,
    worker      uuid NOT NULL, -- whose courier brings it to its end
    tag         text,          -- under which it is held in Redis (unacked); NULL: it is acknowledged already
    embed       json NOT NULL, -- what its end needs, numbers as they were written: {root_id, parent_id, group, group_index, reply_to,
                               -- correlation_id, ignore_result, callbacks, errbacks, chain, chord}, without those that are null
    told        text           -- how far it was when the result backend was last told; NULL: not yet
);
CREATE INDEX celery_message_held ON drumbeat.celery_message (worker) WHERE tag IS NOT NULL;

-- What the result backend has to be told, in the transaction in which it became so. 'ended' is the last.
CREATE TABLE drumbeat.celery_news (
    task_id uuid PRIMARY KEY,
    worker  uuid NOT NULL,
    what    text NOT NULL CHECK (what IN ('retry', 'ended')),
    seq     bigint NOT NULL GENERATED ALWAYS AS IDENTITY
);
-- Who reads on from where it was does not walk over what is gone and not cleared away yet: in a long drain that is all of the table.
CREATE INDEX celery_news_worker ON drumbeat.celery_news (worker, seq);
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['celery_message', 'celery_news'] LOOP
        EXECUTE format('ALTER TABLE drumbeat.%I SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,'
                       ' autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000000)', name);
    END LOOP;
END $$;

-- Note news of those of these tasks that came as messages, and wake who tells them.
CREATE FUNCTION drumbeat.celery_note(ids uuid[], what text) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO drumbeat.celery_news AS n (task_id, worker, what)
    SELECT m.task_id, m.worker, celery_note.what FROM drumbeat.celery_message m WHERE m.task_id = ANY (ids)
    ON CONFLICT (task_id) DO UPDATE SET what = excluded.what, seq = DEFAULT;
    IF FOUND THEN
        PERFORM pg_notify('drumbeat', 'settled');
    END IF;
END $$;

-- Messages that somebody has revoked before they were claimed.
CREATE TABLE drumbeat.celery_revoked (
    external_id text COLLATE "C" PRIMARY KEY,
    revoked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_by  text NOT NULL DEFAULT session_user
);

-- Ids of messages come in no order, and are only looked up: by their hash, which costs a message half of what a tree does.
CREATE INDEX task_body_external ON drumbeat.task_body USING hash (external_id COLLATE "C") WHERE external_id IS NOT NULL;

-- The task's id that this text is, when it looks like one of ours; else NULL.
CREATE FUNCTION drumbeat.celery_own_id(external text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN substr(external, 15, 1) = '7' AND external ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN external::uuid END
$$;

-- The newest task of a message's id. (OFFSET 0: or the planner looks for the newest of all tasks that has it.) A task that was sent by this side has its own id on its message.
CREATE FUNCTION drumbeat.celery_task(external text) RETURNS uuid LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $$
DECLARE
    answer uuid;
BEGIN
    SELECT m.task_id INTO answer FROM drumbeat.celery_message m WHERE m.external_id = external COLLATE "C";
    IF answer IS NULL THEN
        SELECT y.id INTO answer FROM (SELECT b.id FROM drumbeat.task_body b WHERE b.external_id COLLATE "C" = external OFFSET 0) y ORDER BY y.id DESC LIMIT 1;
    END IF;
    IF answer IS NULL THEN
        SELECT b.id INTO answer FROM drumbeat.task_body b WHERE b.id = drumbeat.celery_own_id(external);
    END IF;
    RETURN answer;
END $$;

-- Whether a message with the id of a known task is another run that this task asked for, and no copy: a retry, or what it was replaced by.
CREATE FUNCTION drumbeat.celery_follows(known uuid, name text, retries int, embed json) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT b.name <> celery_follows.name OR retries > coalesce((b.headers ->> 'retries')::int, 0)
        OR coalesce((embed ->> 'successor')::int, 0) > coalesce((b.headers ->> 'drumbeat_successor')::int, 0)
      FROM drumbeat.task_body b WHERE b.id = known
$$;

-- A message of a task that is known already. Fates: 'held' (a second copy of one that is on its way: the copy's tag counts from now on, the
-- answer is the tag that did), 'ended' (its result goes out once more), 'new' (a retry by another worker, which is another run).
CREATE FUNCTION drumbeat.celery_meet(known uuid, external text, name text, tag text, queue text, worker uuid, retries int, embed json, OUT fate text, OUT old_tag text)
LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    SELECT m.tag INTO old_tag FROM drumbeat.celery_message m WHERE m.task_id = known FOR UPDATE;
    IF FOUND AND drumbeat.celery_follows(known, name, retries, embed) THEN
        UPDATE drumbeat.celery_message m SET external_id = left(m.external_id, 200) || '/' || known WHERE m.task_id = known; -- the id is its successor's
        fate := 'new';
        RETURN;
    ELSIF FOUND THEN
        UPDATE drumbeat.celery_message m SET tag = celery_meet.tag WHERE m.task_id = known;
        IF old_tag IS NULL THEN
            PERFORM drumbeat.take_sent(known);
        END IF;
        fate := 'held';
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = known) THEN
        fate := CASE WHEN drumbeat.celery_follows(known, name, retries, embed) THEN 'new' ELSE 'ended' END;
        IF fate = 'new' THEN
            RETURN;
        END IF;
    ELSE
        fate := 'held';
    END IF;
    INSERT INTO drumbeat.celery_message (task_id, external_id, queue, worker, tag, embed) VALUES (known, external, queue, worker, tag, embed);
    IF fate = 'held' THEN
        PERFORM drumbeat.take_sent(known);
    ELSE
        PERFORM drumbeat.celery_note(ARRAY[known], 'ended');
    END IF;
END $$;

-- Is any of these messages known? `oldest`: a copy comes within days of the first, or never. (OFFSET 0: or the planner might look through all tasks
-- that are no older. One by one, for the same reason.)
CREATE FUNCTION drumbeat.celery_knows(externals text[], oldest uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
    RETURN EXISTS (SELECT FROM drumbeat.celery_message m WHERE m.external_id = ANY (externals))
        OR EXISTS (SELECT FROM drumbeat.sent s WHERE s.external_id = ANY (externals))
        OR EXISTS (SELECT FROM unnest(externals) t(external)
                    CROSS JOIN LATERAL (SELECT FROM drumbeat.task_body b WHERE b.external_id COLLATE "C" = t.external AND b.id >= oldest OFFSET 0) y)
        OR EXISTS (SELECT FROM unnest(externals) t(external) WHERE drumbeat.celery_own_id(t.external) IS NOT NULL);
END $$;

-- Take messages over: element n of each array belongs to one. Times are microseconds since 1970, 0 for none; limits are NULL or a JSON object;
-- a task with a refusal ends with it at once.
-- Answers a row for each that did not simply become a task: what became of it, and a tag that is to be acknowledged now, if any. 'delayed':
-- the row keeps it until its moment, so the message itself is no longer needed.
CREATE FUNCTION drumbeat.celery_take(worker uuid, queue text, externals text[], tags text[], names text[], args jsonb[], priorities int[], etas bigint[],
                                     expiries bigint[], retries int[], headers jsonb[], limits text[], embeds json[], refusals text[])
RETURNS TABLE (place int, fate text, acknowledge text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    total    int := cardinality(externals);
    ids      uuid[] := drumbeat.uuids_v7(total);
    moment   timestamptz := clock_timestamp();
    now_us   bigint := extract(epoch FROM moment) * 1000000;
    oldest   uuid := drumbeat.first_id(moment - interval '7 days'); -- a copy comes within days of the first, or never
    fates    text[];
    old_tags text[] := array_fill(NULL::text, ARRAY[total]);
    limited  boolean := EXISTS (SELECT FROM drumbeat.limit_rule) OR EXISTS (SELECT FROM drumbeat.handler h WHERE h.limit_by IS NOT NULL);
    revokes  boolean := EXISTS (SELECT FROM drumbeat.celery_revoked);
    allowed  int[];
    tenants  text[];
    gates    text[]; -- limit keys
    low      bigint;
    lane     record;
    known    uuid;
    met      record;
    i        int;
BEGIN
    fates := ARRAY(SELECT CASE WHEN revokes AND EXISTS (SELECT FROM drumbeat.celery_revoked r WHERE r.external_id = t.external COLLATE "C") THEN 'revoked'
                               WHEN t.refusal IS NOT NULL THEN 'refused'
                               WHEN t.eta > now_us THEN 'delayed' ELSE 'new' END
                     FROM unnest(externals, etas, refusals) WITH ORDINALITY t(external, eta, refusal, n) ORDER BY t.n);
    SELECT array_agg(greatest(coalesce(h.max_attempts, 3), t.retries + 1) ORDER BY t.n), array_agg(left(nullif(t.headers ->> 'tenant', ''), 200) ORDER BY t.n),
           array_agg(CASE WHEN h.limit_by IS NOT NULL THEN left(t.name || '/' || nullif(t.args ->> h.limit_by, ''), 500) END ORDER BY t.n) INTO allowed, tenants, gates
      FROM unnest(names, args, retries, headers) WITH ORDINALITY t(name, args, retries, headers, n) LEFT JOIN drumbeat.handler h ON h.name = t.name COLLATE "C";
    IF drumbeat.celery_knows(externals, oldest) THEN
        FOR i, known IN
            SELECT y.n, y.known
              FROM (SELECT t.n, coalesce((SELECT m.task_id FROM drumbeat.celery_message m WHERE m.external_id = t.external COLLATE "C"),
                                         (SELECT s.task_id FROM drumbeat.sent s WHERE s.external_id = t.external COLLATE "C"),
                                         (SELECT b.id FROM (SELECT x.id FROM drumbeat.task_body x WHERE x.external_id COLLATE "C" = t.external AND x.id >= oldest OFFSET 0) b
                                           ORDER BY b.id DESC LIMIT 1),
                                         (SELECT o.id FROM drumbeat.task_body o WHERE o.id = drumbeat.celery_own_id(t.external))) AS known
                      FROM unnest(externals) WITH ORDINALITY t(external, n) OFFSET 0) y
             WHERE y.known IS NOT NULL ORDER BY y.n
        LOOP
            met := drumbeat.celery_meet(known, externals[i], names[i], tags[i], queue, worker, retries[i], embeds[i]);
            IF met.fate <> 'new' THEN
                fates[i] := met.fate;
                old_tags[i] := met.old_tag;
            END IF;
        END LOOP;
    END IF;
    INSERT INTO drumbeat.celery_message (task_id, external_id, queue, worker, tag, embed)
    SELECT t.id, t.external, queue, worker, CASE WHEN t.fate <> 'delayed' THEN t.tag END, t.embed
      FROM unnest(ids, externals, tags, fates, embeds) WITH ORDINALITY t(id, external, tag, fate, embed, n)
     WHERE t.fate NOT IN ('held', 'ended') ORDER BY t.external COLLATE "C"
        ON CONFLICT ON CONSTRAINT celery_message_external_id_key DO NOTHING;
    GET DIAGNOSTICS i = ROW_COUNT;
    IF i < total - cardinality(array_positions(fates, 'held')) - cardinality(array_positions(fates, 'ended')) THEN
        -- Another courier was faster with a copy, or it is here twice: the copy is nothing but a copy.
        FOR i IN 1 .. total LOOP
            IF fates[i] NOT IN ('held', 'ended') AND NOT EXISTS (SELECT FROM drumbeat.celery_message m WHERE m.task_id = ids[i]) THEN
                fates[i] := 'held';
                old_tags[i] := tags[i];
            END IF;
        END LOOP;
    END IF;
    PERFORM pg_current_xact_id();
    INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by, expires_at, headers, tenant, external_id, limit_key)
    SELECT t.id, t.name, queue, t.args, t.priority, t.allowed, CASE WHEN t.eta > 0 THEN drumbeat.moment(t.eta) ELSE moment END,
           left(coalesce(t.headers ->> 'origin', 'celery'), 200), CASE WHEN t.expiry > 0 THEN drumbeat.moment(t.expiry) END,
           CASE WHEN t.limits IS NOT NULL THEN t.headers || jsonb_build_object('limits', t.limits::jsonb)
                WHEN t.headers ? 'limits' THEN t.headers - 'limits' ELSE t.headers END,
           t.tenant, t.external, t.gate
      FROM unnest(ids, externals, names, args, priorities, etas, expiries, headers, limits, fates, allowed, tenants, gates)
           t(id, external, name, args, priority, eta, expiry, headers, limits, fate, allowed, tenant, gate)
     WHERE t.fate NOT IN ('held', 'ended');
    INSERT INTO drumbeat.ended (task_id, status, attempt, started_at, ended_at, error)
    SELECT t.id, CASE t.fate WHEN 'revoked' THEN 'KILLED' ELSE 'ERRORED' END, t.retries, CASE t.fate WHEN 'refused' THEN moment END, moment,
           CASE t.fate WHEN 'revoked' THEN 'revoked before it started' ELSE t.refusal END
      FROM unnest(ids, retries, refusals, fates) t(id, retries, refusal, fate) WHERE t.fate IN ('revoked', 'refused');
    IF FOUND THEN
        PERFORM drumbeat.celery_note(ARRAY(SELECT t.id FROM unnest(ids, fates) t(id, fate) WHERE t.fate IN ('revoked', 'refused')), 'ended');
    END IF;
    INSERT INTO drumbeat.delayed (task_id, run_at, attempt, allowed)
    SELECT t.id, drumbeat.moment(t.eta), t.retries, t.allowed FROM unnest(ids, etas, retries, allowed, fates) t(id, eta, retries, allowed, fate) WHERE t.fate = 'delayed';
    IF FOUND THEN
        PERFORM pg_notify('drumbeat', 'delayed');
    END IF;
    IF limited THEN
        PERFORM drumbeat.line_up_many(array_agg(t.id ORDER BY t.n), array_agg(t.retries ORDER BY t.n), array_agg(t.allowed ORDER BY t.n))
           FROM unnest(ids, retries, allowed, fates) WITH ORDINALITY t(id, retries, allowed, fate, n) WHERE t.fate = 'new' HAVING count(*) > 0;
    ELSE
        low := nextval('drumbeat.ready_seq');
        FOR lane IN
            WITH placed AS (
                INSERT INTO drumbeat.ready (queue, priority, flow, task_id, name, attempt, allowed)
                SELECT queue, t.priority, drumbeat.flow_of(t.tenant), t.id, t.name, t.retries, t.allowed
                  FROM unnest(ids, names, priorities, tenants, retries, allowed, fates) WITH ORDINALITY t(id, name, priority, tenant, retries, allowed, fate, n)
                 WHERE t.fate = 'new' ORDER BY t.n
                RETURNING priority, flow
            )
            SELECT DISTINCT p.priority, p.flow FROM placed p
        LOOP
            PERFORM drumbeat.ring(queue, lane.priority, lane.flow, low);
        END LOOP;
    END IF;
    RETURN QUERY SELECT t.n::int, t.fate, CASE t.fate WHEN 'delayed' THEN t.tag ELSE t.old_tag END
                   FROM unnest(fates, tags, old_tags) WITH ORDINALITY t(fate, tag, old_tag, n) WHERE t.fate <> 'new' ORDER BY t.n;
END $$;

-- The news of this worker's messages behind a place, with all that their results need. `status` and what follows it are of a task that has ended, `error`
-- also of one that is tried again. `ran_at` is when that attempt began, `told` whether that was told.
CREATE FUNCTION drumbeat.celery_read_news(worker uuid, behind bigint, most int)
RETURNS TABLE (task_id uuid, what text, external_id text, queue text, tag text, embed text, error text, outcome text, status text,
               result text, started_at timestamptz, ended_at timestamptz, ran_at timestamptz, told boolean, seq bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET enable_bitmapscan = off SET enable_sort = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT n.task_id, n.what, m.external_id, m.queue, m.tag, m.embed::text, coalesce(e.error, p.error), p.outcome, e.status,
           e.result::text, e.started_at, e.ended_at, coalesce(e.started_at, CASE WHEN e.task_id IS NULL THEN p.started_at END),
           split_part(m.told, ' ', 1) = coalesce(e.attempt, p.attempt)::text, n.seq
      FROM (SELECT x.* FROM drumbeat.celery_news x
             WHERE x.worker = celery_read_news.worker AND x.seq > celery_read_news.behind ORDER BY x.worker, x.seq LIMIT most) n
     CROSS JOIN LATERAL (SELECT x.* FROM drumbeat.celery_message x WHERE x.task_id = n.task_id LIMIT 1) m
      LEFT JOIN LATERAL (SELECT x.* FROM drumbeat.ended x WHERE x.task_id = n.task_id LIMIT 1) e ON true
      LEFT JOIN LATERAL (SELECT x.attempt, x.error, x.outcome, x.started_at FROM drumbeat.past_attempt x
                          WHERE e.status IS DISTINCT FROM 'SUCCESS' AND x.task_id = n.task_id ORDER BY x.fence DESC LIMIT 1) p ON true
     ORDER BY n.seq;
END $$;

-- Forget news that were told, unless there are newer ones; the message too when its task has ended.
CREATE FUNCTION drumbeat.celery_told_news(ids uuid[], whats text[]) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    WITH told AS (
        DELETE FROM drumbeat.celery_news n
         WHERE n.task_id = ANY (ARRAY(SELECT t.id FROM unnest(ids, whats) t(id, what) WHERE t.what = 'ended')) AND n.what = 'ended' RETURNING n.task_id
    )
    DELETE FROM drumbeat.celery_message m WHERE m.task_id = ANY (ARRAY(SELECT t.task_id FROM told t));
    IF 'retry' = ANY (whats) THEN
        DELETE FROM drumbeat.celery_news n
         WHERE n.task_id = ANY (ARRAY(SELECT t.id FROM unnest(ids, whats) t(id, what) WHERE t.what = 'retry')) AND n.what = 'retry';
    END IF;
END $$;

-- Tasks that run and of which the result backend has not been told: that they have started, when that is asked for, and how far they are.
-- `told` is how that is remembered.
CREATE FUNCTION drumbeat.celery_progress(worker uuid, started boolean, most int)
RETURNS TABLE (task_id uuid, external_id text, embed text, told text, value bigint, total bigint, message text, pid int, host text,
               started_at timestamptz, new boolean)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.task_id, s.external_id, s.embed, s.told, s.value, s.total, s.message, s.pid, w.host, s.started_at,
           s.before IS NULL OR split_part(s.before, ' ', 1) <> s.attempt::text
      FROM (SELECT m.task_id, m.external_id, m.embed::text, m.told AS before, format('%s %s %s %s', r.attempt, r.progress_value, r.end_value, left(r.progress_message, 100)) AS told,
                   r.progress_value AS value, r.end_value AS total, r.progress_message AS message, r.pid, r.worker, r.started_at, r.attempt
              FROM drumbeat.running r CROSS JOIN LATERAL (SELECT x.* FROM drumbeat.celery_message x WHERE x.task_id = r.task_id LIMIT 1) m
             WHERE m.worker = celery_progress.worker AND r.started_at IS NOT NULL AND (started OR r.progress_value > 0 OR r.progress_message IS NOT NULL)) s
      LEFT JOIN drumbeat.worker w ON w.id = s.worker
     WHERE s.told IS DISTINCT FROM s.before LIMIT most;
END $$;

-- Take over what workers that are gone held. Answers how many messages.
CREATE FUNCTION drumbeat.celery_adopt(worker uuid) RETURNS int LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    adopted int;
BEGIN
    UPDATE drumbeat.celery_message m SET worker = celery_adopt.worker
     WHERE m.worker <> celery_adopt.worker AND NOT EXISTS (SELECT FROM drumbeat.worker w WHERE w.id = m.worker);
    GET DIAGNOSTICS adopted = ROW_COUNT;
    UPDATE drumbeat.celery_news n SET worker = celery_adopt.worker, seq = DEFAULT
     WHERE n.worker <> celery_adopt.worker AND NOT EXISTS (SELECT FROM drumbeat.worker w WHERE w.id = n.worker);
    RETURN adopted;
END $$;

-- These messages are not held any more: their tags are gone from Redis. Somebody took them back, or Redis has lost them. A task that waits is
-- watched as one that was sent, and comes back when nobody has it (celery_lost); one that runs with this worker goes on; one that runs with
-- another is that one's to tell of, or waits when that one is dead. Answers how many of each.
CREATE FUNCTION drumbeat.celery_let_go(gone text[], worker uuid, OUT waiting int, OUT running int, OUT elsewhere int) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    m drumbeat.celery_message;
BEGIN
    waiting := 0;
    running := 0;
    elsewhere := 0;
    FOR m IN SELECT * FROM drumbeat.celery_message x WHERE x.tag = ANY (gone) ORDER BY x.task_id FOR UPDATE LOOP
        IF drumbeat.send_away(m.task_id) THEN
            waiting := waiting + 1;
        ELSIF EXISTS (SELECT FROM drumbeat.running r WHERE r.task_id = m.task_id AND r.worker <> celery_let_go.worker) THEN
            elsewhere := elsewhere + 1;
            CONTINUE;
        ELSE
            running := running + 1;
        END IF;
        UPDATE drumbeat.celery_message x SET tag = NULL WHERE x.task_id = m.task_id;
    END LOOP;
END $$;

-- Revoke messages by their ids, for good: those that are claimed already are cancelled, the others end when they are. Answers how many of
-- them are known.
CREATE FUNCTION drumbeat.celery_revoke(ids text[]) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    id    text;
    known uuid;
    count int := 0;
BEGIN
    FOREACH id IN ARRAY ids LOOP
        PERFORM drumbeat.refuse_unless(length(id) BETWEEN 1 AND 255 IS TRUE, 'the id of a message must be 1 to 255 characters');
        INSERT INTO drumbeat.celery_revoked (external_id) VALUES (id) ON CONFLICT DO NOTHING;
        known := drumbeat.celery_task(id);
        IF known IS NOT NULL THEN
            PERFORM drumbeat.cancel(known);
            count := count + 1;
        END IF;
    END LOOP;
    RETURN count;
END $$;

-- Forget revokes that are older than any message that may still come.
CREATE FUNCTION drumbeat.celery_forget(older interval) RETURNS void LANGUAGE sql AS $$
    DELETE FROM drumbeat.celery_revoked r WHERE r.revoked_at < clock_timestamp() - older
$$;

REVOKE ALL ON FUNCTION drumbeat.celery_own_id, drumbeat.celery_task, drumbeat.celery_follows, drumbeat.celery_meet, drumbeat.celery_knows, drumbeat.celery_take, drumbeat.celery_note, drumbeat.celery_read_news, drumbeat.celery_told_news,
    drumbeat.celery_progress, drumbeat.celery_adopt, drumbeat.celery_let_go, drumbeat.celery_revoke, drumbeat.celery_forget FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_enqueue') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.celery_revoke TO drumbeat_enqueue;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON drumbeat.celery_message, drumbeat.celery_revoked TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON drumbeat.celery_message, drumbeat.celery_news, drumbeat.celery_revoked TO drumbeat_work;
        GRANT EXECUTE ON FUNCTION drumbeat.celery_own_id, drumbeat.celery_task, drumbeat.celery_follows, drumbeat.celery_meet, drumbeat.celery_knows, drumbeat.celery_take, drumbeat.celery_note, drumbeat.celery_read_news,
            drumbeat.celery_told_news, drumbeat.celery_progress, drumbeat.celery_adopt, drumbeat.celery_let_go, drumbeat.celery_revoke, drumbeat.celery_forget TO drumbeat_work;
    END IF;
END $$;
