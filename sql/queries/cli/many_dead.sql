-- $1 text status, $2 text name, $3 text queue, $4 text tenant, $5 text schedule, $6 uuid batch, $7 text cause, $8 timestamptz since, NULL: any.
-- One row: how many dead letters are meant, and the server's clock.
SELECT count(*), clock_timestamp()
  FROM drumbeat.dead($1::text, $2::text, $3::text, $4::text, $5::text, $6::uuid, $7::text, $8::timestamptz)
