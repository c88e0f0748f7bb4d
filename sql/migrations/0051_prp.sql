-- Notices that are mailed, one row a mail: written when it is due, sent_at once the mail server has taken it.
CREATE TABLE registry.notification (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    method             varchar(50) NOT NULL DEFAULT 'Email',
    template_name      varchar(255) NOT NULL,
    template_data      jsonb NOT NULL DEFAULT '{}',
    recipients         text[] NOT NULL,
    from_address       varchar(255),
    subject            varchar(255) NOT NULL,
    text               text NOT NULL,
    progress_report_id bigint REFERENCES registry.progress_report ON DELETE SET NULL,
    due_date           date,
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts           integer NOT NULL DEFAULT 0,
    sent_at            timestamptz,
    error              text   -- why it will never be sent, or was not yet
);
-- A person hears of a report and its day once, whatever runs again.
CREATE UNIQUE INDEX notification_once ON registry.notification (template_name, progress_report_id, due_date, (recipients[1]));
CREATE INDEX notification_waiting ON registry.notification (template_name, id) WHERE sent_at IS NULL AND attempts >= 0;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON registry.notification TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON registry.notification TO drumbeat_work;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA registry TO drumbeat_work;
    END IF;
END $$;
