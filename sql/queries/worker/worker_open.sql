-- Register a worker and the handlers it has. One row: whether its own was not there.
-- $1 id, $2 host, $3 pid, $4 version, $5 text[] queues or NULL for all, $6 pool, $7 text[] handler names, $8 text[] their queues,
-- $9 bigint[] their attempts, $10 bigint[] their deaths (0: the default), $11 text[] the arguments that are their unique keys (or NULL),
-- $12 lease, $13 boot id, $14 start time of the process in clock ticks
SELECT drumbeat.open_worker($1::uuid, $2::text, $3::int, $4::text, $5::text[], $6::int, $7::text[], $8::text[], $9::bigint[]::int[],
                            $10::bigint[]::int[], $11::text[], $12::interval, $13::text, $14::bigint)
