-- Take a seat: its last holder writes nothing any more. One row: the epoch.
-- $1 worker uuid, $2 seat, $3 application name of the seat's sessions
SELECT drumbeat.take_seat($1::uuid, $2::int, $3::text)
