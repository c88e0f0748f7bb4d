-- $1 text: the schedule, $2 text: why or NULL, $3 text: who or NULL. One row: false when there is none or it is paused already.
SELECT drumbeat.pause_schedule($1, $2, $3)
