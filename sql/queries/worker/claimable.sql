-- Whether anything waits that this worker could claim now. One row.
-- $1 text[] queues or NULL for all, $2 text[] handlers
SELECT EXISTS (SELECT FROM drumbeat.ready r
                WHERE ($1::text[] IS NULL OR r.queue = ANY ($1::text[])) AND r.name = ANY ($2::text[])
                  AND NOT EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = r.queue AND q.paused))
