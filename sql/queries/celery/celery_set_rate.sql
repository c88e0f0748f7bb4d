-- Limit how many tasks of a handler start in a time; how many may run at once stays as it is. One row, nothing in it.
-- $1 text handler, $2 text rate; NULL: any number
SELECT CASE WHEN $2::text IS NULL AND l.slots IS NULL THEN drumbeat.clear_limit('handler', $1::text)::text
            ELSE drumbeat.set_limit('handler', $1::text, l.slots, $2::text)::text END
  FROM (SELECT (SELECT x.slots FROM drumbeat.limit_of('handler', $1::text) x)) l(slots)
