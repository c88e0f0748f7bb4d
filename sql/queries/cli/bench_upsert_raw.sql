-- The raw measurement: insert or update everything. No row.
INSERT INTO drumbeat.bench_upsert (number, vendor_code, title, amount, due_date, completed, line)
SELECT number, vendor_code, title, amount, due_date, completed, line FROM drumbeat_stage_raw
ON CONFLICT (number) DO UPDATE
   SET vendor_code = excluded.vendor_code, title = excluded.title, amount = excluded.amount, due_date = excluded.due_date,
       completed = excluded.completed, line = excluded.line
