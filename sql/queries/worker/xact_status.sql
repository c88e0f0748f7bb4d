-- What became of a transaction. One row: committed, aborted, in progress, or NULL when it is too old to tell.
-- $1 the number before_commit answered
SELECT pg_xact_status($1::text::xid8)
