-- Take claimed messages over as tasks. A row for each that did not simply become one: its place from 1, what became of it (delayed, held,
-- ended, revoked, refused), and a tag to acknowledge now or NULL.
-- $1 worker uuid, $2 text queue, then arrays with an element for each: $3 text ids, $4 text tags, $5 text names, $6 text args (JSON), $7 bigint
-- priorities, $8 bigint etas and $9 bigint expiries (microseconds, 0 for none), $10 bigint retries, $11 text headers (JSON), $12 text limits
-- (JSON or NULL), $13 text embeds (JSON), $14 text refusals or NULL
SELECT place, fate, acknowledge
  FROM drumbeat.celery_take($1::uuid, $2::text, $3::text[], $4::text[], $5::text[], $6::text[]::jsonb[], $7::bigint[]::int[], $8::bigint[], $9::bigint[],
                            $10::bigint[]::int[], $11::text[]::jsonb[], $12::text[], $13::text[]::json[], $14::text[])
 ORDER BY place
