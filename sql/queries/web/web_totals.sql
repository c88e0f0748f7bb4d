-- How many rows were ever inserted since the server's statistics began, as it counts them anyway, whatever was forgotten since: tasks enqueued,
-- tasks ended, attempts that did not succeed. One row.
SELECT max(t.rows) FILTER (WHERE t.name = 'task_body'), max(t.rows) FILTER (WHERE t.name = 'ended'), max(t.rows) FILTER (WHERE t.name = 'past_attempt')
  FROM drumbeat.history_total t
