-- Let a running task run once more, whatever its attempts, and add to its headers what that run has to know.
-- $1 task uuid, $2 fence bigint, $3 headers jsonb or NULL
SELECT drumbeat.run_again($1::uuid, $2::bigint, $3::jsonb)
