-- The next mail of template $1 text behind row $2 bigint: not yet sent, not given up. `left_over` counts it and those behind it. No row: none.
SELECT id, recipients[1], from_address, subject, text, count(*) OVER () AS left_over
  FROM registry.notification
 WHERE template_name = $1::text AND id > $2::bigint AND sent_at IS NULL AND attempts >= 0
 ORDER BY id LIMIT 1
