-- Write down next ticks. $1 text[]: names, $2 bigint[]: revisions, $3 bigint[]: microseconds since 1970 or 0, $4 text[]: problems or NULL.
-- One row without meaning.
SELECT drumbeat.place_schedules($1, $2, $3, $4)
