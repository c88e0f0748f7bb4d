-- $1 uuid, $2 bigint: the task's last log lines, at most so many, the oldest first.
SELECT id, created_at, level, message
  FROM (SELECT * FROM drumbeat.task_log WHERE task_id = $1::uuid ORDER BY id DESC LIMIT $2::bigint) last
 ORDER BY id
