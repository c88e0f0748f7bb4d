-- $1 bigint: at most so many. What runs now, the longest first: text name, bigint progress_value, bigint end_value,
-- text progress_message, timestamptz started_at. No row: nothing runs.
SELECT name, progress_value, end_value, progress_message, started_at
  FROM drumbeat.task WHERE status = 'RUNNING' ORDER BY started_at LIMIT $1::bigint
