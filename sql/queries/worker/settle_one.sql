-- Settle one task of a claim. One row: false when it was no longer held.
-- $1 worker uuid, $2 seat, $3 epoch, $4 fence, $5 place, $6 outcome, $7 retryable, $8 retry after, $9 started_at, $10 ended_at,
-- $11 result (JSON or NULL), $12 error, $13 peak rss, $14 cpu ms, $15 progress value, $16 end value, $17 progress message (or NULL)
SELECT drumbeat.settle_one($1::uuid, $2::int, $3::bigint, $4::bigint, $5::int,
                           ($6::text, $7::boolean, $8::interval, $9::timestamptz, $10::timestamptz, $11::jsonb, $12::text, NULL, NULL, $13::bigint,
                            $14::bigint)::drumbeat.attempt_end, $15::bigint, $16::bigint, $17::text)
