-- How tasks ended in the last minute, of the 5,000 newest that have ended: a piece of an index is read, however long the history is.
-- One row: SUCCESS, ERRORED, KILLED, SKIPPED.
SELECT count(*) FILTER (WHERE e.status = 'SUCCESS'), count(*) FILTER (WHERE e.status = 'ERRORED'), count(*) FILTER (WHERE e.status = 'KILLED'),
       count(*) FILTER (WHERE e.status = 'SKIPPED')
  FROM (SELECT status, ended_at FROM drumbeat.ended ORDER BY task_id DESC LIMIT 5000) e
 WHERE e.ended_at > clock_timestamp() - interval '1 minute'
