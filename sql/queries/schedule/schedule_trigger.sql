-- $1 text: the schedule. One row: the task's id, NULL when there is no such schedule.
SELECT drumbeat.trigger_schedule($1)
