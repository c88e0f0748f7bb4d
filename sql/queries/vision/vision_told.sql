-- What the statements of a run had to say of rows: kind 'told', c1 place in the answer or NULL, c2 name, c3 words, c4 not NULL: left out. $1 bigint: so
-- many rows at most, with how many there are and how many places were left out. No row: nothing.
WITH told AS (SELECT c1::bigint AS place, c2 AS name, c3 AS words, c4 FROM drumbeat_stage WHERE kind = 'told')
SELECT t.place, t.name, t.words, (SELECT count(*) FROM told), (SELECT count(DISTINCT place) FROM told WHERE c4 IS NOT NULL)
  FROM told t ORDER BY t.place NULLS FIRST, t.words LIMIT $1::bigint
