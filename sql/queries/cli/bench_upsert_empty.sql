-- Begin anew. No row.
TRUNCATE drumbeat.bench_upsert
