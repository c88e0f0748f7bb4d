-- $1 bigint: at most so many. What runs now, the longest first: text name, bigint attempt, bigint progress_value,
-- bigint end_value, text progress_message. No row: nothing runs.
SELECT name, attempt::bigint, progress_value, end_value, progress_message
  FROM drumbeat.task WHERE status = 'RUNNING' ORDER BY started_at LIMIT $1::bigint
