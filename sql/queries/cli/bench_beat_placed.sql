-- No argument. One row: has the beat looked at every schedule (bigint 0: yes), and what time is it?
SELECT (SELECT count(*) FROM drumbeat.schedule s WHERE s.start_at IS NOT NULL AND s.next_tick IS NULL) AS unknown, clock_timestamp() AS at
