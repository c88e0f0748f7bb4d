-- $1 text: the schedule. One row: false when there is none or it is not paused.
SELECT drumbeat.resume_schedule($1)
