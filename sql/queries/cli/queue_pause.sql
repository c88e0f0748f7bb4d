-- $1 text queue, $2 text reason or NULL.
SELECT drumbeat.pause($1::text, $2::text)
