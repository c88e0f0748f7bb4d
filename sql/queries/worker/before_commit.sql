-- Hold the seat until the coming COMMIT. One row: the transaction's number.
-- $1 worker uuid, $2 seat, $3 epoch
SELECT drumbeat.before_commit($1::uuid, $2::int, $3::bigint)
