-- Decide the batches that were put off. One row: how many are left to look at.
-- $1 at most
SELECT drumbeat.finish_batches($1::bigint::int)
