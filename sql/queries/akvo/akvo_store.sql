-- Data points of tenant $1 text: $2 text[] identifiers, $3 bigint[] surveys, $4 and $5 text[] longitudes and latitudes, $6 and $7 bigint[] ms since 1970
-- when they were created and updated last. How many were created and updated.
SELECT created, updated FROM registry.akvo_store($1::text, $2::text[], $3::bigint[], $4::text[]::float8[], $5::text[]::float8[], $6::bigint[], $7::bigint[])
