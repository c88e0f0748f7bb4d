-- $1 uuid, $2 bigint: the task's log lines behind that line, $3 bigint: at most, $4 text[]: of these levels (NULL: all); the oldest first.
SELECT id, created_at, level, message FROM drumbeat.task_log WHERE task_id = $1::uuid AND id > $2::bigint AND ($4::text[] IS NULL OR level = ANY ($4::text[])) ORDER BY id LIMIT $3::bigint
