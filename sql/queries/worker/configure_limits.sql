-- Tell what the configuration limits.
-- $1 text[] kinds (queue, handler, keys), $2 text[] names, $3 bigint[] slots (0: any number), $4 text[] rates (NULL: any),
-- $5 text[] handlers, $6 text[] the argument that is their limit key (NULL: none)
SELECT drumbeat.configure_limits($1::text[], $2::text[], $3::bigint[]::int[], $4::text[], $5::text[], $6::text[])
