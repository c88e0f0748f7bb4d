-- Give tasks that failed in Redis their rows.
-- $1 jsonb: an array of them
SELECT drumbeat.record_failures($1::jsonb)
