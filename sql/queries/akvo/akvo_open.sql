-- The schema of tenant $1 text, made when it has none.
SELECT registry.akvo_open($1::text) AS schema_name
