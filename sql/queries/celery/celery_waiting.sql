-- Messages that were sent some time ago and that nobody is known to have, in order, behind one. No row: there are none.
-- $1 text id of a message, $2 interval how long ago, $3 how many at most
SELECT s.external_id, s.seq, s.queue, b.priority::int AS priority
  FROM drumbeat.sent s JOIN drumbeat.task_body b ON b.id = s.task_id
 WHERE s.sent_at < clock_timestamp() - $2::interval AND s.started_at IS NULL AND NOT s.taken AND s.external_id > $1::text COLLATE "C"
 ORDER BY s.external_id LIMIT $3::bigint
