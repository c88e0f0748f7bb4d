-- Which migrations have run.
CREATE TABLE IF NOT EXISTS drumbeat.migration (
    name       text COLLATE "C" PRIMARY KEY,
    digest     text, -- of what ran
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
