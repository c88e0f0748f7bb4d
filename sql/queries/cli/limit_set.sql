-- $1 text kind (queue, handler, key, keys), $2 text name, $3 bigint tasks at once or NULL, $4 text rate or NULL.
SELECT drumbeat.set_limit($1::text, $2::text, $3::bigint::int, $4::text)
