-- No argument. One row: how many tasks were handed out a number so far, and what time is it? Costs nothing, whatever there is.
SELECT CASE WHEN r.is_called THEN r.last_value ELSE 0 END AS numbers, clock_timestamp() AS at FROM drumbeat.ready_seq r
