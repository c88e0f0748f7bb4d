-- The task table and what moves tasks through it.
--
-- Split by mutability. `task_body` is written once, at enqueue, and never updated. Where a task stands is a narrow row in
-- exactly one of seven tables, and a move is a delete and an insert in one transaction:
--
--        enqueue            promote             claim               settle
--   (nothing) --> delayed ----------> ready ----------> running ----------> ended
--          `------------------------>   ^                  |                  |
--                                       `-- retry, return -'                  |
--                                       ^------------ retry() ----------------'
--
-- Whatever is to be ready and is under a limit goes through `gated` first (0007_shares.sql), and what workers of Celery are to run is `sent`
-- instead of ready and running (0032_celery_out.sql).
--
-- The view `task` puts the pieces together for readers. A new mutable fact about a task belongs in the table of the state
-- it is a fact of; nothing that changes is ever indexed.

-- Identifiers -------------------------------------------------------------------------------------------------------------

-- `total` UUIDv7 (RFC 9562, 5.7) of this moment, rising: behind the milliseconds stands a counter of 24 bits that starts anywhere in its
-- lowest quarter, the random rest is one a call. A random number for each would cost more than all else that is done for an id.
CREATE FUNCTION drumbeat.uuids_v7(total int) RETURNS uuid[] LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$
DECLARE
    random text := gen_random_uuid();
    head   text := lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7';
    tail   text := right(random, 12);
    first  int := ('x' || left(random, 8))::bit(32)::int & 4194303;
BEGIN
    RETURN ARRAY(SELECT (head || lpad(to_hex(n >> 12), 3, '0') || 'a' || lpad(to_hex(n & 4095), 3, '0') || tail)::uuid
                   FROM generate_series(first, first + total - 1) n);
END $$;

CREATE FUNCTION drumbeat.uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') || '7' || substr(gen_random_uuid()::text, 16))::uuid
$$;

-- The millisecond in which an id was made. Indexes are built on it: what it answers must never change.
CREATE FUNCTION drumbeat.born(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_timestamp(('x' || encode(substr(uuid_send(id), 1, 6), 'hex'))::bit(48)::bigint / 1000::double precision)
$$;

CREATE SEQUENCE drumbeat.ready_seq;   -- the order in which tasks of one lane run
CREATE SEQUENCE drumbeat.fence_seq;   -- one number a claim, never repeated
CREATE SEQUENCE drumbeat.epoch_seq;   -- one number a life of a seat

-- What is configured ------------------------------------------------------------------------------------------------------

-- A queue needs no row to be used; a row holds what was configured or paused.
CREATE TABLE drumbeat.queue_state (
    name          text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z0-9_.-]{1,63}$'),
    broker        text NOT NULL DEFAULT 'postgres' CHECK (broker IN ('postgres', 'redis')),
    protocol      text NOT NULL DEFAULT 'native' CHECK (protocol IN ('native', 'celery')),
    rows          text NOT NULL DEFAULT 'full' CHECK (rows IN ('full', 'failures')),
    paused        boolean NOT NULL DEFAULT false,
    paused_reason text,
    paused_by     text,
    paused_at     timestamptz
);

-- The handlers that some worker has had: where their tasks go when the caller does not say.
CREATE TABLE drumbeat.handler (
    name         text COLLATE "C" PRIMARY KEY,
    queue        text COLLATE "C" NOT NULL DEFAULT 'default',
    max_attempts integer NOT NULL DEFAULT 3,
    max_deaths   integer, -- how often a task may kill its process before it is set aside; NULL: as drumbeat.deaths_allowed says
    unique_by    text,   -- the argument whose value is the unique key when the caller gives none
    limit_by     text,   -- the same for the limit key, which is then the handler's name, '/' and the value
    seen_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Tasks -------------------------------------------------------------------------------------------------------------------

-- task_body, ended, past_attempt and task_log are the history: partitioned by the task's id, which begins with its time
-- (0009_history.sql makes the partitions and drops them).
CREATE TABLE drumbeat.task_body (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    queue        text NOT NULL,
    args         jsonb NOT NULL,
    priority     smallint NOT NULL,
    max_attempts integer NOT NULL,
    created_at   timestamptz NOT NULL GENERATED ALWAYS AS (drumbeat.born(id)) STORED,
    run_at       timestamptz NOT NULL,
    created_by   text NOT NULL,
    expires_at   timestamptz,
    tenant       text,
    unique_key   text,
    unique_until text,   -- NULL: final
    headers      jsonb,
    limit_key    text,
    external_id  text,
    batch_id     uuid,
    batch_place  integer, -- from 1, in the order in which the members of a batch were named
    parent_id    uuid,    -- the step before it, or the batch that it is a callback of
    schedule     text,
    tick_at      timestamptz,
    lateness_ms  bigint,
    missed       integer
) PARTITION BY RANGE (id);
CREATE INDEX task_body_batch ON drumbeat.task_body (batch_id, batch_place) WHERE batch_id IS NOT NULL;
DO $$
BEGIN
    ALTER TABLE drumbeat.task_body ALTER COLUMN args SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL; -- a server built without lz4 keeps its default
END $$;
-- For "the newest of this name, queue, tenant". By created_at, not by id: an API's list says ORDER BY created_at.
CREATE INDEX task_body_name ON drumbeat.task_body (name, created_at);
CREATE INDEX task_body_queue ON drumbeat.task_body (queue, created_at);
CREATE INDEX task_body_tenant ON drumbeat.task_body (tenant, created_at) WHERE tenant IS NOT NULL;

-- Waiting to be claimed. A lane is (queue, priority, flow); seq gives the order in it. Lanes of one queue and priority get equal
-- shares: a flow is a tenant, or several that share a number (flow_of). `attempt` is how often the task was started so far,
-- `allowed` how often it may be.
CREATE TABLE drumbeat.ready (
    queue    text COLLATE "C" NOT NULL,
    priority smallint NOT NULL,
    flow     smallint NOT NULL,
    seq      bigint NOT NULL DEFAULT nextval('drumbeat.ready_seq'),
    task_id  uuid NOT NULL UNIQUE,
    name     text COLLATE "C" NOT NULL,
    attempt  integer NOT NULL DEFAULT 0,
    allowed  integer NOT NULL,
    limited  boolean NOT NULL DEFAULT false, -- it came through a gate and may hold slots
    PRIMARY KEY (queue, priority, flow, seq)
);
-- For "the newest that wait", as the next two and those of `ended`. There is none over all bodies: whenever the statistics of `ready` are
-- those of a moment ago, when a million waited, the planner would look for the newest that wait among ten millions that have ended.
CREATE INDEX ready_born ON drumbeat.ready (drumbeat.born(task_id), task_id);

-- Waiting at a gate: for a slot, for a rate, or for a paused queue to be resumed. `flow` -1 is for tasks that come back, 4096 at a slot for those
-- that a rate called on.
CREATE TABLE drumbeat.gated (
    gate     text COLLATE "C" NOT NULL,
    priority smallint NOT NULL,
    flow     smallint NOT NULL,
    seq      bigint NOT NULL DEFAULT nextval('drumbeat.ready_seq'),
    task_id  uuid NOT NULL UNIQUE,
    stage    smallint NOT NULL,
    attempt  integer NOT NULL DEFAULT 0,
    allowed  integer NOT NULL,
    PRIMARY KEY (gate, priority, flow, seq)
);
CREATE INDEX gated_born ON drumbeat.gated (drumbeat.born(task_id), task_id);

-- What a task that is ready, runs or waits at a later gate holds: one of so many places that the gate has. Place, flow and priority
-- are those at which it waited; `turns`: so many of its flow had the place one after another, this one counted.
CREATE TABLE drumbeat.slot (
    task_id  uuid NOT NULL,
    stage    smallint NOT NULL,
    gate     text COLLATE "C" NOT NULL,
    priority smallint NOT NULL,
    flow     smallint NOT NULL,
    seq      bigint NOT NULL,
    turns    integer NOT NULL DEFAULT 1,
    PRIMARY KEY (task_id, stage)
);
CREATE INDEX slot_gate ON drumbeat.slot (gate);

-- The lanes that were ever used, so that workers need not look for them among the tasks. A lane may stand here twice: two
-- transactions that are the first to use it do not wait for each other.
CREATE TABLE drumbeat.lane (
    queue    text COLLATE "C" NOT NULL,
    priority smallint NOT NULL,
    flow     smallint NOT NULL,
    used_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX lane_place ON drumbeat.lane (queue, priority, flow);

-- Tenants whose share is not 1.
CREATE TABLE drumbeat.tenant (
    name   text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 200),
    weight integer NOT NULL CHECK (weight BETWEEN 1 AND 1000)
);

-- The flow of a tenant's tasks: 0 for no tenant, else 1 to 4095. With so many flows it is unlikely that a tenant shares one with another
-- that floods the queue, and nobody has to keep a list.
CREATE FUNCTION drumbeat.flow_of(tenant text) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN tenant IS NULL THEN 0 ELSE 1 + (hashtext(tenant) & 2147483647) % 4095 END::smallint
$$;
CREATE INDEX tenant_flow ON drumbeat.tenant (drumbeat.flow_of(name));

-- Waiting for a moment; `reason` is for people.
CREATE TABLE drumbeat.delayed (
    task_id uuid PRIMARY KEY,
    run_at  timestamptz NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    allowed integer NOT NULL,
    reason  text
);
CREATE INDEX delayed_run_at ON drumbeat.delayed (run_at);
CREATE INDEX delayed_born ON drumbeat.delayed (drumbeat.born(task_id), task_id);

-- Claimed. `place` counts the tasks of one claim; started_at is written when it is worth a write of its own (a claim of
-- one, or a task that turns out slow): until then the task still reads as QUEUED.
CREATE TABLE drumbeat.running (
    task_id          uuid PRIMARY KEY,
    fence            bigint NOT NULL,
    worker           uuid NOT NULL,
    seat             smallint NOT NULL,
    place            smallint NOT NULL,
    seq              bigint NOT NULL,
    attempt          integer NOT NULL,  -- this start counted
    allowed          integer NOT NULL,
    pid              integer,
    started_at       timestamptz,
    progress_value   bigint NOT NULL DEFAULT 0,
    end_value        bigint NOT NULL DEFAULT 0,
    progress_message text
) WITH (fillfactor = 70);
-- By fence too: a claim is settled by looking at its own rows and not at those of earlier ones, which stay as long as somebody may still see them.
-- Who has a task's id asks for `(fence = …) IS TRUE`, which no index answers: a plan made while the table was empty may otherwise go through all
-- of this one to find that fence.
CREATE INDEX running_seat ON drumbeat.running (worker, seat, fence);

-- Handed to Celery: some worker of another make runs it and tells how it went. Without `sent_at` it still waits to be sent. `attempt`
-- counts the starts that were told.
CREATE TABLE drumbeat.sent (
    task_id          uuid PRIMARY KEY,
    external_id      text COLLATE "C" NOT NULL UNIQUE, -- of its message: that under which it came, else its own
    queue            text COLLATE "C" NOT NULL,
    seq              bigint NOT NULL DEFAULT nextval('drumbeat.ready_seq'),
    attempt          integer NOT NULL DEFAULT 0,
    allowed          integer NOT NULL,
    sent_at          timestamptz,
    taken            boolean NOT NULL DEFAULT false, -- somebody is known to have it: it does not wait in Redis any more
    started_at       timestamptz,
    host             text,
    pid              integer,
    progress_value   bigint NOT NULL DEFAULT 0,
    end_value        bigint NOT NULL DEFAULT 0,
    progress_message text
) WITH (fillfactor = 70);
CREATE INDEX sent_waiting ON drumbeat.sent (seq) WHERE sent_at IS NULL;

-- How tasks ended. Insert-only, but for retry().
CREATE TABLE drumbeat.ended (
    task_id          uuid PRIMARY KEY,
    status           text NOT NULL CHECK (status IN ('SUCCESS', 'ERRORED', 'KILLED', 'SKIPPED')),
    attempt          integer NOT NULL,
    fence            bigint,
    worker           uuid,
    pid              integer,
    started_at       timestamptz,
    ended_at         timestamptz NOT NULL,
    progress_value   bigint NOT NULL DEFAULT 0,
    end_value        bigint NOT NULL DEFAULT 0,
    progress_message text,
    result           jsonb,
    error            text,
    peak_rss         bigint,
    cpu_ms           bigint
) PARTITION BY RANGE (task_id);
-- For "the newest", and "the newest that failed".
CREATE INDEX ended_born ON drumbeat.ended (drumbeat.born(task_id), task_id);
CREATE INDEX ended_failed ON drumbeat.ended (status, drumbeat.born(task_id)) WHERE status <> 'SUCCESS';
CREATE INDEX ended_failed_id ON drumbeat.ended (status, task_id) WHERE status <> 'SUCCESS';

-- Attempts that did not end in SUCCESS; a success is told by its row in `ended`. Outcomes: failed, crashed, limit, cancelled,
-- lost (these count), returned, snoozed (these do not). It died when its process did not survive it: crashes, limits that kill, lost workers.
CREATE TABLE drumbeat.past_attempt (
    task_id    uuid NOT NULL,
    attempt    integer NOT NULL,
    fence      bigint NOT NULL,
    worker     uuid,
    pid        integer,
    started_at timestamptz,
    ended_at   timestamptz NOT NULL,
    outcome    text NOT NULL,
    error      text,
    signal     integer,
    exit_code  integer,
    peak_rss   bigint,
    cpu_ms     bigint,
    died       boolean GENERATED ALWAYS AS (outcome IN ('crashed', 'lost') OR (outcome = 'limit' AND coalesce(signal, exit_code) IS NOT NULL)) STORED,
    PRIMARY KEY (task_id, fence)
) PARTITION BY RANGE (task_id);

-- Who holds a unique key. In a table of its own, so that no change of state can collide with it. A row counts only while its task does
-- (key_is_held): one that was left behind is taken over by whoever wants the key next.
CREATE TABLE drumbeat.unique_lock (
    name        text NOT NULL,
    key         text NOT NULL,
    task_id     uuid NOT NULL UNIQUE,
    until_start boolean NOT NULL DEFAULT false, -- held until the task starts, not until it ends
    free_at     timestamptz,                    -- held at least until then, whatever becomes of the task
    PRIMARY KEY (name, key)
);
CREATE INDEX unique_lock_free ON drumbeat.unique_lock (free_at) WHERE free_at IS NOT NULL;

-- What was answered to a caller that gave an idempotency key. `scope` is the handler's name, '' for workflows.
CREATE TABLE drumbeat.idempotency (
    scope      text NOT NULL,
    key        text NOT NULL,
    ids        uuid[] NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_expires ON drumbeat.idempotency (expires_at);

CREATE TABLE drumbeat.cancel_request (
    task_id      uuid PRIMARY KEY,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_by text NOT NULL DEFAULT session_user
);

CREATE TABLE drumbeat.task_log (
    id         bigint GENERATED ALWAYS AS IDENTITY,
    task_id    uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    level      text NOT NULL,
    message    text NOT NULL,
    PRIMARY KEY (task_id, id)
) PARTITION BY RANGE (task_id);

-- Workers -----------------------------------------------------------------------------------------------------------------

-- One row a running worker: its heartbeat is the lease of everything its seats hold. `boot` and `pid_start` let a worker of
-- the same host see that the process is gone before the lease is.
CREATE TABLE drumbeat.worker (
    id         uuid PRIMARY KEY,
    host       text NOT NULL,
    pid        integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    draining   boolean NOT NULL DEFAULT false,
    version    text NOT NULL,
    queues     text[],           -- NULL: all of them
    pool       integer NOT NULL,
    names      text[] NOT NULL,  -- the handlers it has
    lease      interval NOT NULL,
    waiting    boolean NOT NULL DEFAULT true,
    boot       text NOT NULL,
    pid_start  bigint NOT NULL
) WITH (fillfactor = 50);

-- One row a child's place in a pool. Who writes for a task locks its seat's row and shows the epoch; who takes the seat
-- away raises it.
CREATE TABLE drumbeat.seat (
    worker uuid NOT NULL REFERENCES drumbeat.worker ON DELETE CASCADE,
    seat   smallint NOT NULL,
    epoch  bigint NOT NULL,
    PRIMARY KEY (worker, seat)
) WITH (fillfactor = 50);

-- These tables are emptied as fast as they are filled: vacuum by number of rows, not by share.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['ready', 'delayed', 'running', 'seat', 'worker', 'unique_lock', 'cancel_request', 'gated', 'slot', 'sent'] LOOP
        EXECUTE format('ALTER TABLE drumbeat.%I SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,'
                       ' autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000000,'
                       ' parallel_workers = 0)', name);
    END LOOP;
END $$;

-- What APIs read ----------------------------------------------------------------------------------------------------------

-- Where each task stands, joined with its body. A branch of the UNION is one table and no condition: only then can the planner read
-- each in the order asked for and stop after the first rows. Each status is a constant where it can be, so that a filter by status
-- reads one table. The second condition of the join always holds; it tells the planner that the order of born(task_id), which
-- the indexes of `ended` have, is the order of created_at.
CREATE VIEW drumbeat.task AS
SELECT b.id, b.name, b.queue, p.status, b.args, b.priority::integer AS priority, p.attempt, b.max_attempts,
       p.progress_value, p.end_value, p.progress_message, p.result,
       p.error, b.tenant, b.created_by, b.created_at, coalesce(p.run_at, b.run_at) AS run_at, b.expires_at,
       p.started_at, p.ended_at,
       p.status = 'KILLED' OR p.claimed AND EXISTS (SELECT FROM drumbeat.cancel_request c WHERE c.task_id = b.id) AS should_be_killed, p.worker,
       b.headers, b.unique_key, b.external_id, b.batch_id, b.parent_id, b.schedule, b.tick_at, b.lateness_ms, b.missed,
       CASE WHEN p.attempt > 1 OR (p.attempt = 1 AND p.status <> 'SUCCESS')
            THEN (SELECT count(*) FROM drumbeat.past_attempt x WHERE x.task_id = b.id AND x.died) ELSE 0 END AS deaths
  FROM (SELECT task_id, drumbeat.born(task_id) AS born, 'QUEUED'::text AS status, attempt, false AS claimed,
               0::bigint AS progress_value, 0::bigint AS end_value, NULL::text AS progress_message, NULL::jsonb AS result, NULL::text AS error,
               NULL::timestamptz AS run_at, NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at, NULL::uuid AS worker
          FROM drumbeat.ready
        UNION ALL
        SELECT task_id, drumbeat.born(task_id), 'QUEUED'::text, attempt, false,
               0::bigint, 0::bigint, NULL::text, NULL::jsonb, NULL::text,
               NULL::timestamptz, NULL::timestamptz, NULL::timestamptz, NULL::uuid
          FROM drumbeat.gated
        UNION ALL
        SELECT task_id, drumbeat.born(task_id), 'QUEUED'::text, attempt, false,
               0::bigint, 0::bigint, reason, NULL::jsonb, NULL::text,
               run_at, NULL::timestamptz, NULL::timestamptz, NULL::uuid
          FROM drumbeat.delayed
        UNION ALL
        SELECT task_id, drumbeat.born(task_id), CASE WHEN started_at IS NULL THEN 'QUEUED' ELSE 'RUNNING' END, attempt - (started_at IS NULL)::int, true,
               CASE WHEN started_at IS NULL THEN 0 ELSE progress_value END, CASE WHEN started_at IS NULL THEN 0 ELSE end_value END,
               CASE WHEN started_at IS NOT NULL THEN progress_message END, NULL::jsonb, NULL::text,
               NULL::timestamptz, started_at, NULL::timestamptz, CASE WHEN started_at IS NOT NULL THEN worker END
          FROM drumbeat.running
        UNION ALL
        SELECT task_id, drumbeat.born(task_id), CASE WHEN started_at IS NULL THEN 'QUEUED' ELSE 'RUNNING' END, attempt, true,
               progress_value, end_value, progress_message, NULL::jsonb, NULL::text,
               NULL::timestamptz, started_at, NULL::timestamptz, NULL::uuid
          FROM drumbeat.sent
        UNION ALL
        SELECT task_id, drumbeat.born(task_id), status, attempt, false,
               progress_value, end_value, progress_message, result, error,
               NULL::timestamptz, started_at, ended_at, worker
          FROM drumbeat.ended) p
  JOIN drumbeat.task_body b ON b.id = p.task_id AND b.created_at = p.born;
-- What makes up for the two conditions of that join, so that the planner expects one row a task: together as selective as the first
-- alone. (Of a column or expression without statistics it assumes 200 values.) Of created_at there are none for another reason: knowing that
-- its order is that of the pages, the planner would look for the newest of a name among all tasks, however long ago that name was last used.
ALTER TABLE drumbeat.task_body ALTER COLUMN id SET (n_distinct_inherited = -0.005), ALTER COLUMN created_at SET STATISTICS 0;

CREATE VIEW drumbeat.attempt AS
SELECT task_id, attempt, fence, worker, pid, started_at, ended_at, outcome, error, signal, exit_code, peak_rss, cpu_ms
  FROM drumbeat.past_attempt
UNION ALL
SELECT task_id, attempt, fence, worker, pid, started_at, ended_at, 'success', NULL, NULL, NULL, peak_rss, cpu_ms
  FROM drumbeat.ended WHERE status = 'SUCCESS'
UNION ALL
SELECT task_id, attempt, fence, worker, pid, started_at, NULL, 'running', NULL, NULL, NULL, NULL, NULL
  FROM drumbeat.running WHERE started_at IS NOT NULL;

-- The queues that are configured, that tasks wait in or that a handler names.
CREATE VIEW drumbeat.queue AS
WITH RECURSIVE waiting(name) AS (
    (SELECT queue FROM drumbeat.ready ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT r.queue FROM drumbeat.ready r WHERE r.queue > w.name ORDER BY r.queue LIMIT 1) FROM waiting w WHERE w.name IS NOT NULL
), names AS (
    SELECT name FROM waiting WHERE name IS NOT NULL
    UNION SELECT 'default' UNION SELECT queue FROM drumbeat.handler UNION SELECT name FROM drumbeat.queue_state
)
SELECT n.name, coalesce(q.broker, 'postgres') AS broker, coalesce(q.protocol, 'native') AS protocol,
       coalesce(q.paused, false) AS paused, q.paused_reason, q.paused_by, q.paused_at, coalesce(q.rows, 'full') AS rows
  FROM names n LEFT JOIN drumbeat.queue_state q USING (name);
