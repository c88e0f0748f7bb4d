-- Append lines to tasks' logs.
-- $1 uuid[] tasks, $2 bigint[] moments in microseconds, $3 text[] levels, $4 text[] messages
INSERT INTO drumbeat.task_log (task_id, created_at, level, message)
SELECT l.task_id, drumbeat.moment(l.at), l.level, l.message FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[]) WITH ORDINALITY l(task_id, at, level, message, n) ORDER BY l.n
