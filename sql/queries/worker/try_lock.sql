-- Take a lock for the rest of an attempt. One row: whether it is this attempt's.
-- $1 key, $2 task id, $3 fence
SELECT drumbeat.try_lock($1::text, $2::uuid, $3::bigint)
