-- Register a worker and the handlers it has.
-- $1 id, $2 host, $3 pid, $4 version, $5 text[] queues or NULL for all, $6 pool, $7 text[] handler names, $8 text[] their queues,
-- $9 bigint[] their attempts, $10 text[] the arguments that are their unique keys (or NULL), $11 lease, $12 boot id, $13 start time of
-- the process in clock ticks
SELECT drumbeat.open_worker($1::uuid, $2::text, $3::int, $4::text, $5::text[], $6::int, $7::text[], $8::text[], $9::bigint[]::int[], $10::text[],
                            $11::interval, $12::text, $13::bigint)
