-- Declare the schedules of the configuration, a row each: text[] $1 names, $2 handlers, $3 args, $4 specs, $5 exclude, $6 zones, $7 queues,
-- $8 catchup, $9 overlap, $10 tenants, $11 notes, $12 anchors; bigint[] $13 windows, $14 jitter, $15 start, $16 end, $17 enabled,
-- $18 priorities, $19 every_weeks, $20 max_runs, $21 pause_after_failures. Answers (name, outcome) of those that differed; no row: nothing did.
SELECT d.name, d.outcome
  FROM drumbeat.declare_schedules($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) d
