-- $1 timestamptz: the second's start. One row: tasks of schedules, ticks, and what time it is.
SELECT (SELECT count(*) FROM drumbeat.task_body b WHERE b.tick_at = $1::timestamptz) AS tasks,
       (SELECT count(*) FROM drumbeat.tick t WHERE t.tick_at = $1::timestamptz) AS ticks, clock_timestamp() AS at
