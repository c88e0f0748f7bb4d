-- $1 text queue. One row: how its tasks ended and when the first one started and the last one ended.
SELECT count(*) AS tasks, count(*) FILTER (WHERE e.status = 'SUCCESS') AS succeeded, count(*) FILTER (WHERE e.attempt = 1) AS once,
       min(e.started_at) AS first_started_at, max(e.ended_at) AS last_ended_at
  FROM drumbeat.task_body b LEFT JOIN drumbeat.ended e ON e.task_id = b.id
 WHERE b.queue = $1::text
