-- Three group roles, made when the migrating role may make roles; without them only the owner can use the schema.
--   drumbeat_enqueue  the application: the functions of the contract
--   drumbeat_read     dashboards and APIs: the views and tables that are read
--   drumbeat_work     worker and beat: everything they write
-- GRANT drumbeat_enqueue, drumbeat_read TO my_api;
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['drumbeat_enqueue', 'drumbeat_read', 'drumbeat_work'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            END IF;
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'role % does not exist and may not be created by %', role, current_user;
            WHEN duplicate_object OR unique_violation THEN
                NULL; -- another database's migration was faster
        END;
    END LOOP;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA drumbeat FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drumbeat.born TO PUBLIC; -- the view `task` calls it for whoever reads

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_enqueue') THEN
        GRANT USAGE ON SCHEMA drumbeat TO drumbeat_enqueue;
        GRANT EXECUTE ON FUNCTION drumbeat.enqueue, drumbeat.enqueue_many, drumbeat.cancel, drumbeat.retry, drumbeat.pause, drumbeat.resume, drumbeat.set_weight TO drumbeat_enqueue;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT USAGE ON SCHEMA drumbeat TO drumbeat_read;
        GRANT SELECT ON drumbeat.task, drumbeat.attempt, drumbeat.task_log, drumbeat.schedule, drumbeat.tick, drumbeat.queue, drumbeat.worker, drumbeat.tenant, drumbeat.tally TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT USAGE ON SCHEMA drumbeat TO drumbeat_work;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA drumbeat TO drumbeat_work;
        GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA drumbeat TO drumbeat_work;
        GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA drumbeat TO drumbeat_work;
    END IF;
END $$;
