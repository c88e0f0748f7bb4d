-- $1 text queue.
SELECT drumbeat.resume($1::text)
