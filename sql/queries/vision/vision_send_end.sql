-- How it went. $1 bigint row, $2 bool taken, $3 text what the other side said, NULL: nothing, $4 text why it failed, NULL: it did not. No row.
UPDATE registry.sync_log
   SET successful = $2::boolean, details = left($3::text, 2048), exception_message = $4::text, total_processed = CASE WHEN $2::boolean THEN 1 ELSE 0 END,
       created = CASE WHEN $2::boolean THEN 1 ELSE 0 END, failed = CASE WHEN $2::boolean THEN 0 ELSE 1 END, date_processed = clock_timestamp()
 WHERE id = $1::bigint
