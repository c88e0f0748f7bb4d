-- Staged rows of `bench upsert`, as a sync moves them: the last of several with one key, and only what differs. $1 bigint record or
-- NULL for all. One row: what was created and updated.
WITH staged AS (
    SELECT DISTINCT ON (c1 COLLATE "C") c1::varchar(20) AS number, c2::varchar(20) AS vendor_code, c3::varchar(255) AS title,
           c4::numeric(20,2) AS amount, c5::date AS due_date, c6::boolean AS completed, c7::smallint AS line
      FROM drumbeat_stage
     WHERE $1::bigint IS NULL OR record = $1::bigint
     ORDER BY c1 COLLATE "C", record DESC
), written AS (
    INSERT INTO drumbeat.bench_upsert AS t (number, vendor_code, title, amount, due_date, completed, line)
    SELECT * FROM staged
    ON CONFLICT (number) DO UPDATE
       SET vendor_code = excluded.vendor_code, title = excluded.title, amount = excluded.amount, due_date = excluded.due_date,
           completed = excluded.completed, line = excluded.line
     WHERE (t.vendor_code, t.title, t.amount, t.due_date, t.completed, t.line)
           IS DISTINCT FROM
           (excluded.vendor_code, excluded.title, excluded.amount, excluded.due_date, excluded.completed, excluded.line)
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed
  FROM written
