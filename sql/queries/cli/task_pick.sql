-- $1 text status (NULL: any; a final one), $2 text name, $3 text queue, $4 text tenant, NULL: any; $5 bigint: at most;
-- $6 text schedule, $7 uuid batch, $8 timestamptz enqueued since, NULL: any.
-- The ids of the newest tasks; no row: none. Unnamed, so planned for its very arguments: each filter has an index in this order.
SELECT t.id FROM drumbeat.task t
 WHERE ($1::text IS NULL OR t.status = $1::text)
   AND ($2::text IS NULL OR t.name = $2::text) AND ($3::text IS NULL OR t.queue = $3::text) AND ($4::text IS NULL OR t.tenant = $4::text)
   AND ($6::text IS NULL OR t.schedule = $6::text) AND ($7::uuid IS NULL OR t.batch_id = $7::uuid)
   AND ($8::timestamptz IS NULL OR t.created_at >= $8::timestamptz)
 ORDER BY t.created_at DESC LIMIT $5::bigint
