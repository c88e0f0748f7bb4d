-- Batches that nobody decided; keys, answers and batches whose time is over.
-- $1 at most of each
SELECT drumbeat.sweep_batches($1::bigint::int)
