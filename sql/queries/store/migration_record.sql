-- $1 text: the migration that has just run.
INSERT INTO drumbeat.migration (name) VALUES ($1::text)
