-- $1 text: the migration that has just run, $2 its digest.
INSERT INTO drumbeat.migration (name, digest) VALUES ($1::text, $2::text)
