-- Where a page of records stands before it is moved on: at most once a session, empty after each transaction, the same for
-- every sync and every version. No row.
CREATE TEMPORARY TABLE IF NOT EXISTS drumbeat_stage (record integer NOT NULL, kind text NOT NULL, data jsonb NOT NULL) ON COMMIT DELETE ROWS
