-- $1 text name, $2 jsonb args, $3 text queue, $4 bigint priority, $5 timestamptz run_at, $6 timestamptz expires_at,
-- $7 bigint max_attempts, $8 text unique_key, $9 text tenant, $10 text created_by, $11 jsonb headers, $12 text unique_mode,
-- $13 text unique_until, $14 interval unique_window, $15 text idempotency_key, $16 text limit_key; NULL: the default.
-- One row: the id. SQLSTATE 22023: a bad value.
SELECT drumbeat.enqueue(name => $1::text, args => $2::jsonb, queue => $3::text, priority => $4::bigint::int,
                        run_at => $5::timestamptz, expires_at => $6::timestamptz, max_attempts => $7::bigint::int,
                        unique_key => $8::text, tenant => $9::text, created_by => $10::text, headers => $11::jsonb,
                        unique_mode => $12::text, unique_until => $13::text, unique_window => $14::interval, idempotency_key => $15::text,
                        limit_key => $16::text) AS id
