-- $1 text queue, $2 bigint: at most. One row: how many tasks were moved to KILLED.
SELECT drumbeat.purge($1::text, $2::bigint::int) AS purged
