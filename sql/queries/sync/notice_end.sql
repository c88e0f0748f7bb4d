-- What became of notice $1 bigint: $2 text the reason when it was not taken, NULL: sent; $3 boolean: never to be tried again. No row.
UPDATE registry.notification
   SET attempts = CASE WHEN $3::boolean THEN -1 ELSE attempts + 1 END, error = $2::text,
       sent_at = CASE WHEN $2::text IS NULL THEN clock_timestamp() END
 WHERE id = $1::bigint
