-- Tasks that were sent and of which nothing is told for too long have failed. One row: how many.
-- $1 interval
SELECT drumbeat.give_up_sent($1::interval, 1000)
