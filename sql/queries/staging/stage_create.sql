-- Where a page of records stands before it is moved on: at most once a session, empty after each transaction, the same for
-- every sync and every version. No row.
CREATE TEMPORARY TABLE IF NOT EXISTS drumbeat_stage (
    record integer NOT NULL, kind text NOT NULL, data jsonb,
    c1 text, c2 text, c3 text, c4 text, c5 text, c6 text, c7 text, c8 text, c9 text, c10 text, c11 text, c12 text, c13 text, c14 text, c15 text, c16 text,
    c17 text, c18 text, c19 text, c20 text, c21 text, c22 text, c23 text, c24 text, c25 text, c26 text, c27 text, c28 text, c29 text, c30 text, c31 text, c32 text)
ON COMMIT DELETE ROWS
