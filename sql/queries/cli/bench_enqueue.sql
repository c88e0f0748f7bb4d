-- $1 text queue, $2 bigint: so many noop tasks in one statement. One row: how many were made.
SELECT count(*) AS made
  FROM drumbeat.enqueue_many('noop', array_fill('{}'::jsonb, ARRAY[$2::bigint::int]), queue => $1::text, created_by => 'drumbeat bench')
