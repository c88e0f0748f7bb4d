-- Note what stands in a queue that is in Redis alone.
-- $1 name, $2 ready, $3 delayed, $4 running, $5 timestamptz since when the first could run, or NULL
SELECT drumbeat.see_light_queue($1::text, $2::bigint, $3::bigint, $4::bigint, $5::timestamptz)
