-- Write what a worker has counted so far. $1 uuid: the worker, $2 text[]: queues and $3 text[]: names of its series, $4 bigint[]: their numbers,
-- one series after the other. One row without meaning.
SELECT drumbeat.write_tally($1, $2, $3, $4)
