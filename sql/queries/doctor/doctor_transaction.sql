-- One row: the transaction that has held a snapshot for longest: seconds, pid, application; prepared transactions too. NULLs: none.
SELECT extract(epoch FROM clock_timestamp() - min(since))::bigint AS seconds,
       (array_agg(who ORDER BY since))[1] AS who
  FROM (SELECT xact_start AS since, format('%s (pid %s, %s)', coalesce(nullif(application_name, ''), 'a session'), pid, state) AS who
          FROM pg_stat_activity WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()
        UNION ALL
        SELECT prepared, format('prepared transaction %L', gid) FROM pg_prepared_xacts) open
