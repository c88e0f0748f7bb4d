-- Whether anything waits that this worker could claim now, or as soon as a keeper let it in at its gate,
-- and whether a batch waits to be decided. One row. Who waits for a slot that another
-- task holds, or for a token that is more than a second away, does not count: like those whose time has not come.
-- $1 text[] queues or NULL for all but the private ones, $2 text[] handlers
SELECT EXISTS (SELECT FROM drumbeat.ready r
                WHERE CASE WHEN $1::text[] IS NULL THEN NOT starts_with(r.queue, 'run.') ELSE r.queue = ANY ($1::text[]) END AND r.name = ANY ($2::text[])
                  AND NOT EXISTS (SELECT FROM drumbeat.queue_state q WHERE q.name = r.queue AND q.paused))
    OR drumbeat.claimable_gated($1::text[], $2::text[]),
       EXISTS (SELECT FROM drumbeat.batch_due)
