-- How many rows were ever inserted since the server's statistics began, as it counts them anyway: tasks enqueued, tasks ended, attempts
-- that did not succeed, ticks. One row. A piece of the history takes its count along when it is dropped.
SELECT coalesce(sum(n_tup_ins) FILTER (WHERE starts_with(relname, 'task_body_')), 0)::bigint, coalesce(sum(n_tup_ins) FILTER (WHERE starts_with(relname, 'ended_')), 0)::bigint,
       coalesce(sum(n_tup_ins) FILTER (WHERE starts_with(relname, 'past_attempt_')), 0)::bigint, coalesce(sum(n_tup_ins) FILTER (WHERE relname = 'tick'), 0)::bigint
  FROM pg_stat_all_tables WHERE schemaname = 'drumbeat'
