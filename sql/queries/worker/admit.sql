-- Let tasks in that wait at gates with room. One row: the gate to go on behind (NULL: none is left), and microseconds until a rate has
-- something for somebody (NULL: no rate waits).
-- $1 text[] gates, $2 text or NULL: also all gates behind this one, '' for every
SELECT next, wait FROM drumbeat.admit($1::text[], $2::text)
