-- The heartbeat. One row: false when others took the worker's tasks.
-- $1 worker uuid, $2 draining, $3 pool
SELECT drumbeat.renew_worker($1::uuid, $2::boolean, $3::bigint::int)
