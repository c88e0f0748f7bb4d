-- $1 uuid: the task's attempts, first to last; no row: none was started.
SELECT attempt, fence, worker, pid, started_at, ended_at, outcome, error, signal, exit_code, peak_rss, cpu_ms
  FROM drumbeat.attempt WHERE task_id = $1::uuid ORDER BY fence
