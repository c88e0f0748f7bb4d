-- Messages of tasks that were sent, in order, behind one. No row: there are none.
-- $1 text id of a message, $2 how many at most
SELECT s.external_id FROM drumbeat.sent s WHERE s.sent_at IS NOT NULL AND s.external_id > $1::text COLLATE "C" ORDER BY s.external_id LIMIT $2::bigint
