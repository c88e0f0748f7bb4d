-- The first task of a lane in a range of sequence numbers that this worker could run. No row: none.
-- $1 queue, $2 priority, $3 above, $4 up to, $5 text[] handlers
SELECT seq FROM drumbeat.ready
 WHERE queue = $1::text AND priority = $2::smallint AND seq > $3::bigint AND seq <= $4::bigint AND name = ANY ($5::text[])
 ORDER BY seq LIMIT 1
