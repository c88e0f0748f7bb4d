-- $1 jsonb: how long what is kept, $2 bigint: tasks to look at, at most. One row: what the step came to, tasks seen, tasks kept.
SELECT state, seen, kept FROM drumbeat.prune($1::jsonb, $2::bigint::int)
