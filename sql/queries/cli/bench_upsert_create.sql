-- The table that `bench upsert` fills. No row.
CREATE TABLE IF NOT EXISTS drumbeat.bench_upsert (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number varchar(20) NOT NULL UNIQUE, vendor_code varchar(20), title varchar(255),
    amount numeric(20,2) NOT NULL, due_date date, completed boolean NOT NULL, line smallint)
