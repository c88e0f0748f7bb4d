-- What all workers have counted, since the schema was made. A row a number: the series' queue and name ('' and '' for events, '' and 'ticks' for
-- ticks), the number's place in it, and the sum. No row: nothing was counted yet.
SELECT t.queue, t.name, u.place, sum(u.number)::float8
  FROM drumbeat.tally t, unnest(t.numbers) WITH ORDINALITY u(number, place)
 GROUP BY t.queue, t.name, u.place ORDER BY t.queue, t.name, u.place
