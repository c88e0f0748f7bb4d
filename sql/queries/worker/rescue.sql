-- Take over from workers whose lease is over. One row: how many tasks were moved on.
-- $1 uuid[] workers known to be dead
SELECT drumbeat.rescue($1::uuid[])
