-- Persons from the stage, one an e-mail address. $1 bigint record or NULL for all. What a document does not say of a person stays as it was.
WITH staged AS (
    SELECT DISTINCT ON (r.email) s.record, r.*
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(email varchar(255), name varchar(128), title varchar(255), phone_number varchar(64),
                                        origin text, origin_at timestamptz)
     WHERE s.kind = 'person' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.email, r.origin_at DESC, r.origin DESC, r.title IS NULL, r.title DESC, r.phone_number IS NULL, r.phone_number DESC, r.name DESC
), differing AS (
    SELECT s.record, s.email, coalesce(s.name, p.name) AS name, coalesce(s.title, p.title) AS title,
           coalesce(s.phone_number, p.phone_number) AS phone_number, s.origin, s.origin_at
      FROM staged s LEFT JOIN registry.person p USING (email)
     WHERE p.id IS NULL
        OR ((s.origin_at, s.origin) >= (p.origin_at, p.origin)
            AND (p.name, p.title, p.phone_number) IS DISTINCT FROM
                (coalesce(s.name, p.name), coalesce(s.title, p.title), coalesce(s.phone_number, p.phone_number)))
), written AS (
    INSERT INTO registry.person AS p (email, name, title, phone_number, origin, origin_at)
    SELECT email, name, title, phone_number, origin, origin_at FROM differing ORDER BY email
    ON CONFLICT (email) DO UPDATE
       SET name = excluded.name, title = excluded.title, phone_number = excluded.phone_number, origin = excluded.origin,
           origin_at = excluded.origin_at
     WHERE (excluded.origin_at, excluded.origin) >= (p.origin_at, p.origin)
    RETURNING p.email, p.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (email) GROUP BY s.record
