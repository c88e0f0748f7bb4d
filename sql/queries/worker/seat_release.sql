-- Give back, uncounted, whatever the seat still holds. One row: how many tasks.
-- $1 worker uuid, $2 seat, $3 epoch
SELECT drumbeat.return_seat($1::uuid, $2::int, $3::bigint)
