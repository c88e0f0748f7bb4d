-- Who holds what a session of drumbeat waits for, the one that has been at it longest and waits for nobody itself first. No row: no session
-- that may be seen waits. Answers pid, application, state, seconds of its transaction, and pid and application of the session that waits.
SELECT b.pid, b.application_name, b.state, coalesce(extract(epoch FROM clock_timestamp() - b.xact_start), 0)::float8 AS seconds, w.pid, w.application_name
  FROM pg_stat_activity w
 CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) blocking(pid)
  JOIN pg_stat_activity b ON b.pid = blocking.pid
 WHERE w.wait_event_type = 'Lock' AND starts_with(w.application_name, 'drumbeat')
 ORDER BY b.wait_event_type IS NOT DISTINCT FROM 'Lock', b.xact_start LIMIT 1
