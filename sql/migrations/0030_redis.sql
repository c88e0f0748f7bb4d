-- Queues that Redis has.
--
-- With `rows: full` the tasks of such a queue stand here and are claimed here, as any others are; with `rows: failures` they are in Redis alone
-- until one of them fails. Which queue is which the configuration of workers says.

-- What a worker's configuration says of queues; element n of each array belongs to one queue.
CREATE FUNCTION drumbeat.configure_queues(names text[], brokers text[], protocols text[], kept text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO drumbeat.queue_state AS q (name, broker, protocol, rows)
    SELECT c.name, c.broker, c.protocol, c.rows FROM unnest(names, brokers, protocols, kept) c(name, broker, protocol, rows)
     WHERE c.broker <> 'postgres' OR EXISTS (SELECT FROM drumbeat.queue_state s WHERE s.name = c.name COLLATE "C")
     ORDER BY c.name
    ON CONFLICT (name) DO UPDATE SET broker = excluded.broker, protocol = excluded.protocol, rows = excluded.rows
     WHERE (q.broker, q.protocol, q.rows) IS DISTINCT FROM (excluded.broker, excluded.protocol, excluded.rows)
$$;

-- Tasks of queues without rows that failed: they get theirs now, with the last of their attempts. An element of `records` is as
-- common/broker/redis.c writes it; one that is here already is left alone, so that a call can be repeated. Arguments that PostgreSQL does not
-- take are left out. Answers how many are new.
CREATE FUNCTION drumbeat.record_failures(records jsonb) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    r     record;
    body  jsonb;
    count int := 0;
BEGIN
    FOR r IN SELECT x.*, drumbeat.moment(x.started) AS started_at, drumbeat.moment(x.ended) AS ended_at
               FROM jsonb_to_recordset(records) x(id uuid, name text, queue text, priority smallint, allowed int, attempt int, ready bigint, expires bigint,
                    tenant text, "unique" text, args text, status text, outcome text, error text, started bigint, ended bigint, signal int, exit int,
                    rss bigint, cpu bigint, worker uuid, fence bigint) LOOP
        CONTINUE WHEN EXISTS (SELECT FROM drumbeat.task_body b WHERE b.id = r.id);
        BEGIN
            body := r.args::jsonb;
        EXCEPTION WHEN data_exception THEN
            body := '{}';
        END;
        INSERT INTO drumbeat.task_body (id, name, queue, args, priority, max_attempts, run_at, created_by, expires_at, tenant, unique_key)
        VALUES (r.id, r.name, r.queue, body, r.priority, r.allowed, drumbeat.moment(r.ready), session_user,
                CASE WHEN r.expires > 0 THEN drumbeat.moment(r.expires) END, nullif(r.tenant, ''), nullif(r."unique", ''));
        INSERT INTO drumbeat.past_attempt (task_id, attempt, fence, worker, started_at, ended_at, outcome, error, signal, exit_code, peak_rss, cpu_ms)
        SELECT r.id, r.attempt, r.fence, r.worker, CASE WHEN r.started > 0 THEN r.started_at END, r.ended_at, r.outcome, r.error, nullif(r.signal, 0),
               nullif(r.exit, -1), nullif(r.rss, -1), nullif(r.cpu, -1)
         WHERE r.status = 'ERRORED' OR r.status = 'KILLED' AND r.started > 0;
        INSERT INTO drumbeat.ended (task_id, status, attempt, fence, worker, started_at, ended_at, error, peak_rss, cpu_ms)
        VALUES (r.id, r.status, r.attempt, r.fence, r.worker, CASE WHEN r.started > 0 THEN r.started_at END, r.ended_at, nullif(r.error, ''),
                nullif(r.rss, -1), nullif(r.cpu, -1));
        count := count + 1;
    END LOOP;
    RETURN count;
END $$;
REVOKE ALL ON FUNCTION drumbeat.configure_queues, drumbeat.record_failures FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.configure_queues, drumbeat.record_failures TO drumbeat_work;
    END IF;
END $$;

-- What stood in such a queue when a worker last looked: for those who only ask PostgreSQL.
CREATE TABLE drumbeat.light_queue (
    name      text COLLATE "C" PRIMARY KEY,
    ready     bigint NOT NULL,
    delayed   bigint NOT NULL,
    running   bigint NOT NULL,
    oldest_at timestamptz, -- since when the first of its tasks could run
    seen_at   timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE FUNCTION drumbeat.see_light_queue(name text, ready bigint, delayed bigint, running bigint, oldest_at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO drumbeat.light_queue AS q (name, ready, delayed, running, oldest_at) VALUES (name, ready, delayed, running, oldest_at)
    ON CONFLICT (name) DO UPDATE SET ready = excluded.ready, delayed = excluded.delayed, running = excluded.running, oldest_at = excluded.oldest_at,
                                     seen_at = clock_timestamp()
$$;
REVOKE ALL ON FUNCTION drumbeat.see_light_queue FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON drumbeat.light_queue TO drumbeat_work;
        GRANT EXECUTE ON FUNCTION drumbeat.see_light_queue TO drumbeat_work;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON drumbeat.light_queue TO drumbeat_read;
    END IF;
END $$;
