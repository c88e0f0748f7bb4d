-- An orderly end: all that is held goes back uncounted. One row: how many tasks.
-- $1 worker uuid
SELECT drumbeat.close_worker($1::uuid, 'returned', NULL)
