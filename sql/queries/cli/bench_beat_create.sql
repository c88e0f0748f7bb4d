-- Make the database in which schedules are measured. Outside a transaction. No rows.
CREATE DATABASE drumbeat_bench
