-- Leave nothing behind. No row.
DROP TABLE IF EXISTS drumbeat.bench_upsert
