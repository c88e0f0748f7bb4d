-- One row: workers whose lease is good, all that are known, children of the good ones, and seconds since the last was heard of (NULL: none).
SELECT count(*) FILTER (WHERE seen_at + lease >= clock_timestamp()) AS live, count(*) AS known,
       coalesce(sum(pool) FILTER (WHERE seen_at + lease >= clock_timestamp()), 0) AS children,
       extract(epoch FROM clock_timestamp() - max(seen_at))::bigint AS silent
  FROM drumbeat.worker
