-- What operators need beside the public functions.

-- End what waits in a queue as KILLED, at most `most` ready and as many delayed and limited tasks (NULL: all). Answers how many. A task being claimed
-- at the same moment runs.
CREATE FUNCTION drumbeat.purge(queue text, most int DEFAULT NULL) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH picked AS MATERIALIZED (
        SELECT r.task_id FROM drumbeat.ready r WHERE r.queue = purge.queue COLLATE "C" LIMIT purge.most FOR UPDATE SKIP LOCKED
    ), later AS MATERIALIZED (
        SELECT d.task_id FROM drumbeat.delayed d JOIN drumbeat.task_body b ON b.id = d.task_id
         WHERE b.queue = purge.queue LIMIT purge.most FOR UPDATE OF d SKIP LOCKED
    ), limited AS MATERIALIZED (
        SELECT g.task_id FROM drumbeat.gated g JOIN drumbeat.task_body b ON b.id = g.task_id
         WHERE b.queue = purge.queue LIMIT purge.most FOR UPDATE OF g SKIP LOCKED
    ), unsent AS MATERIALIZED (
        SELECT s.task_id FROM drumbeat.sent s WHERE s.queue = purge.queue COLLATE "C" AND s.sent_at IS NULL LIMIT purge.most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM drumbeat.ready r WHERE r.task_id IN (SELECT p.task_id FROM picked p) RETURNING r.task_id, r.attempt
    ), gone_later AS (
        DELETE FROM drumbeat.delayed d WHERE d.task_id IN (SELECT l.task_id FROM later l) RETURNING d.task_id, d.attempt
    ), gone_limited AS (
        DELETE FROM drumbeat.gated g WHERE g.task_id IN (SELECT l.task_id FROM limited l) RETURNING g.task_id, g.attempt
    ), gone_unsent AS (
        DELETE FROM drumbeat.sent s WHERE s.task_id IN (SELECT u.task_id FROM unsent u) RETURNING s.task_id, s.attempt
    ), ended AS (
        INSERT INTO drumbeat.ended (task_id, status, attempt, ended_at, error)
        SELECT g.task_id, 'KILLED', g.attempt, clock_timestamp(), format('purged by %s', session_user)
          FROM (SELECT * FROM gone UNION ALL SELECT * FROM gone_later UNION ALL SELECT * FROM gone_limited UNION ALL SELECT * FROM gone_unsent) g
        RETURNING task_id
    ), untied AS MATERIALIZED (
        SELECT array_agg(e.task_id) AS ids, count(*) AS tasks FROM ended e
    )
    SELECT u.tasks FROM untied u CROSS JOIN LATERAL (SELECT drumbeat.untie(u.ids)) x
$$;

REVOKE ALL ON FUNCTION drumbeat.purge FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_enqueue') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.purge TO drumbeat_enqueue;
        GRANT SELECT ON drumbeat.migration, drumbeat.handler TO drumbeat_enqueue;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON ALL TABLES IN SCHEMA drumbeat TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT EXECUTE ON FUNCTION drumbeat.purge TO drumbeat_work;
    END IF;
END $$;
