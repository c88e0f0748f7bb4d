-- The schema that everything of drumbeat is in.
CREATE SCHEMA IF NOT EXISTS drumbeat
