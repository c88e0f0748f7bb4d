-- After a lost connection: end the old session and give the seat a new epoch, keeping what it holds. One row: the epoch; no row:
-- the seat was taken away.
-- $1 worker uuid, $2 seat, $3 epoch so far, $4 application name of the seat's sessions
SELECT drumbeat.raise_seat($1::uuid, $2::int, $3::bigint, $4::text)
