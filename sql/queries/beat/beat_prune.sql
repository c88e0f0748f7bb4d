-- Forget ticks emitted longer ago than $1 (interval), at most $2 (bigint). One row: how many.
SELECT drumbeat.prune_ticks($1, $2::int)
