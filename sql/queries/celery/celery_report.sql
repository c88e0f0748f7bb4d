-- What was told of tasks that were sent. One row: how many moved.
-- arrays with an element for each: $1 text ids of messages, $2 text what, $3 text results (JSON), $4 text errors, $5 text hosts, $6 bigint pids,
-- $7 bigint values, $8 bigint totals (-1 for what is not told), $9 text messages, $10 bigint moments (microseconds, 0 for now)
SELECT drumbeat.celery_report(array_agg((t.id, t.what, t.result::jsonb, t.error, t.host, nullif(t.pid, -1)::int, nullif(t.value, -1), nullif(t.total, -1), t.message,
                                         CASE WHEN t.at > 0 THEN drumbeat.moment(t.at) END)::drumbeat.celery_told))
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::bigint[])
       t(id, what, result, error, host, pid, value, total, message, at)
