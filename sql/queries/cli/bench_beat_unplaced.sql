-- No argument. One row: how many schedules have no next tick.
SELECT count(*) AS unplaced FROM drumbeat.schedule s WHERE s.next_tick IS NULL
