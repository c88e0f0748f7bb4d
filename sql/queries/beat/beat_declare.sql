-- Declare the schedules of the configuration, a row each: text[] $1 names, $2 handlers, $3 args, $4 specs, $5 exclude, $6 zones, $7 queues,
-- $8 catchup; bigint[] $9 windows; text[] $10 overlap; bigint[] $11 jitter, $12 start, $13 end, $14 enabled. Answers (name, outcome) of those
-- that differed; no row: nothing did.
SELECT d.name, d.outcome FROM drumbeat.declare_schedules($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) d
