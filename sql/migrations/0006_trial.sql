-- What the trial handler `effect` writes: a row for each time its transaction committed. No unique key: doubles must show.
CREATE TABLE drumbeat.trial_effect (
    task_id uuid NOT NULL,
    attempt integer NOT NULL,
    key     text,
    at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT ON drumbeat.trial_effect TO drumbeat_work;
    END IF;
END $$;
