-- No argument: forget all schedules. No rows.
TRUNCATE drumbeat.schedule
