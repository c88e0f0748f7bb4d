-- Queues that Redis has.
--
-- With `rows: full` the tasks of such a queue stand here as any others do, and Redis only tells who may claim which of them next; with
-- `rows: failures` they are in Redis alone until one of them fails. Which queue is which the configuration of workers says.

-- What a worker's configuration says of queues; element n of each array belongs to one queue.
CREATE FUNCTION drumbeat.configure_queues(names text[], brokers text[], protocols text[], kept text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO drumbeat.queue_state AS q (name, broker, protocol, rows)
    SELECT c.name, c.broker, c.protocol, c.rows FROM unnest(names, brokers, protocols, kept) c(name, broker, protocol, rows)
     WHERE c.broker <> 'postgres' OR EXISTS (SELECT FROM drumbeat.queue_state s WHERE s.name = c.name COLLATE "C")
     ORDER BY c.name
    ON CONFLICT (name) DO UPDATE SET broker = excluded.broker, protocol = excluded.protocol, rows = excluded.rows
     WHERE (q.broker, q.protocol, q.rows) IS DISTINCT FROM (excluded.broker, excluded.protocol, excluded.rows)
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.configure_queues TO drumbeat_work;
    END IF;
END $$;
REVOKE ALL ON FUNCTION drumbeat.configure_queues FROM PUBLIC;
