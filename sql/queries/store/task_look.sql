-- $1 uuid: where a task stands. No row: there is none of this id.
SELECT status, attempt::bigint AS attempt, progress_value, end_value, progress_message, error, started_at, ended_at
  FROM drumbeat.task WHERE id = $1::uuid
