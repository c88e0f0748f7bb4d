-- Of each lane the first task in a range of sequence numbers that this worker could run: a row for each lane that has one, with the lane's
-- place (counted from 1).
-- $1 text[] queues, $2 bigint[] priorities, $3 bigint[] flows, $4 bigint[] above, $5 bigint[] up to, $6 text[] handlers
SELECT l.place, f.seq
  FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) WITH ORDINALITY l(queue, priority, flow, above, upto, place)
 CROSS JOIN LATERAL (SELECT r.seq FROM drumbeat.ready r
                      WHERE r.queue = l.queue AND r.priority = l.priority::smallint AND r.flow = l.flow::smallint AND r.seq > l.above AND r.seq <= l.upto
                        AND r.name = ANY ($6::text[])
                      ORDER BY r.seq LIMIT 1) f
