-- $1 text status, $2 text name, $3 text queue, $4 text tenant, $5 text schedule, $6 uuid batch, $7 timestamptz since, NULL: any; $8 bigint: at
-- most so many rows. A row each handler and cause, the most frequent first; no row: nothing failed.
SELECT name, cause, tasks, first_at, last_at, example
  FROM drumbeat.failures($1::text, $2::text, $3::text, $4::text, $5::text, $6::uuid, $7::timestamptz, $8::bigint::int)
