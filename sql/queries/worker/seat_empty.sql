-- Release what the last holder of a seat held. One row: how many tasks.
-- $1 worker uuid, $2 seat, $3 epoch, $4 task that ran when the last holder died (uuid or NULL), $5 outcome, $6 retryable, $7 started_at,
-- $8 ended_at, $9 error, $10 signal, $11 exit code, $12 peak rss in bytes, $13 cpu ms
SELECT drumbeat.empty_seat($1::uuid, $2::int, $3::bigint, $4::uuid,
                           ($5::text, $6::boolean, interval '0', $7::timestamptz, $8::timestamptz, NULL, $9::text, $10::int, $11::int, $12::bigint,
                            $13::bigint)::drumbeat.attempt_end)
