-- Take a seat; what its last holder left is released. One row: the epoch.
-- $1 worker uuid, $2 seat, $3 application name of the seat's sessions, $4 task that ran when the last holder died (uuid or NULL),
-- $5 outcome, $6 retryable, $7 started_at, $8 ended_at, $9 error, $10 signal, $11 exit code, $12 peak rss in bytes, $13 cpu ms
SELECT drumbeat.open_seat($1::uuid, $2::int, $3::text, $4::uuid,
                          ($5::text, $6::boolean, interval '0', $7::timestamptz, $8::timestamptz, NULL, $9::text, $10::int, $11::int, $12::bigint,
                           $13::bigint)::drumbeat.attempt_end)
