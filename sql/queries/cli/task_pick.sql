-- $1 text status (NULL: any; a final one), $2 text name, $3 text queue, $4 text tenant, NULL: any; $5 bigint: at most.
-- The ids of the newest tasks; no row: none.
SELECT b.id FROM drumbeat.task_body b
 WHERE ($1::text IS NULL OR EXISTS (SELECT FROM drumbeat.ended e WHERE e.task_id = b.id AND e.status = $1::text))
   AND ($2::text IS NULL OR b.name = $2::text) AND ($3::text IS NULL OR b.queue = $3::text) AND ($4::text IS NULL OR b.tenant = $4::text)
 ORDER BY b.id DESC LIMIT $5::bigint
