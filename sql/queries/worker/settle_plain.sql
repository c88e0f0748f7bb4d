-- Settle the plain successes of one claim. One row: how many were still held.
-- $1 worker uuid, $2 seat, $3 epoch, $4 fence, $5 bigint[] starts and $6 bigint[] ends by place (microseconds, 0: not this one),
-- $7 whether any of them may hold a unique key
SELECT drumbeat.settle_plain($1::uuid, $2::int, $3::bigint, $4::bigint, $5::bigint[], $6::bigint[], $7::boolean)
