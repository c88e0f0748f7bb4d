-- How many rows were ever inserted since the server's statistics began, as it counts them anyway: tasks enqueued, tasks ended, attempts
-- that did not succeed, ticks. One row.
SELECT coalesce(sum(n_tup_ins) FILTER (WHERE relname = 'task_body'), 0)::bigint, coalesce(sum(n_tup_ins) FILTER (WHERE relname = 'ended'), 0)::bigint,
       coalesce(sum(n_tup_ins) FILTER (WHERE relname = 'past_attempt'), 0)::bigint, coalesce(sum(n_tup_ins) FILTER (WHERE relname = 'tick'), 0)::bigint
  FROM pg_stat_all_tables WHERE schemaname = 'drumbeat'
