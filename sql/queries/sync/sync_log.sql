-- One run for one workspace. $1 text handler, $2 text business area, $3 bigint workspace id or NULL, $4 bool successful,
-- $5 text details, $6 text exception message or NULL, $7 jsonb data, $8 uuid task, $9 to $15 bigint: fetched, created, updated,
-- unchanged, skipped, deactivated, failed.
INSERT INTO registry.sync_log (handler_name, business_area_code, country_id, successful, details, exception_message, data, task_id,
                               fetched, created, updated, unchanged, skipped, deactivated, failed, total_records, total_processed)
VALUES ($1::text, $2::text, $3::bigint, $4::boolean, $5::text, $6::text, $7::jsonb, $8::uuid,
        $9::bigint, $10::bigint, $11::bigint, $12::bigint, $13::bigint, $14::bigint, $15::bigint,
        $9::bigint, $10::bigint + $11::bigint + $12::bigint)
