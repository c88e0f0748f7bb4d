-- $1 text status, $2 text name, $3 text queue, $4 text tenant, $5 text schedule, $6 uuid batch, $7 unused, $8 timestamptz since, NULL: any;
-- $9 timestamptz: those that were enqueued before, $10 uuid: behind this one (NULL: from the first), $11 bigint: at most.
-- One row: how many were looked at, how many are cancelled or will be, the last id.
SELECT seen, changed, last
  FROM drumbeat.cancel_where($1::text, $2::text, $3::text, $4::text, $5::text, $6::uuid, $8::timestamptz, $9::timestamptz, $10::uuid, $11::bigint::int)
 WHERE $7::text IS NULL
