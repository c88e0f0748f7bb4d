-- A task of a claim turned out slow: mark it as started, return all others that are still held. One row: how many went back.
-- $1 worker uuid, $2 seat, $3 epoch, $4 fence, $5 place, $6 started (microseconds)
SELECT drumbeat.split_claim($1::uuid, $2::int, $3::bigint, $4::bigint, $5::int, $6::bigint)
