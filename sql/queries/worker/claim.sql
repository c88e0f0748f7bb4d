-- Claim ready tasks. No row: nothing there for this worker.
-- $1 worker uuid, $2 seat, $3 epoch, $4 pid, $5 text[] queues of the lanes, $6 bigint[] their priorities, $7 bigint[] their flows,
-- $8 bigint[] their cursors, $9 bigint[] how many of each at most, $10 text[] handlers this worker has, $11 how many
SELECT task_id, fence, lane, place, seq, attempt, allowed, name, args, has_ties, expired, tenant, ready_at, tick_at, limits, suspect, last
  FROM drumbeat.claim($1::uuid, $2::int, $3::bigint, $4::int, $5::text[], $6::bigint[]::int[], $7::bigint[]::int[], $8::bigint[], $9::bigint[]::int[], $10::text[], $11::int)
