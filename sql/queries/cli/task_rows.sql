-- $1 uuid[]: the tasks with these ids, newest first. The columns of the view, and what people read instead of some.
SELECT id, name, queue, status, attempt || '/' || max_attempts AS attempts,
       CASE WHEN end_value > 0 THEN progress_value || '/' || end_value WHEN progress_value > 0 THEN progress_value::text END AS progress,
       args::text AS args, priority, attempt, max_attempts, progress_value, end_value, progress_message, result::text AS result,
       error, tenant, created_by, created_at, run_at, expires_at, started_at, ended_at, should_be_killed, worker,
       headers::text AS headers, unique_key, external_id, batch_id, parent_id, schedule, tick_at, lateness_ms, missed, deaths,
       coalesce(error, progress_message) AS message
  FROM drumbeat.task WHERE id = ANY ($1::uuid[])
 ORDER BY id DESC
