-- The moment at which most schedules tick next, without jitter to spread them, and how many; at least $1 (bigint). No row: none is so busy.
SELECT s.next_tick, count(*)
  FROM drumbeat.schedule s WHERE s.enabled AND NOT s.paused AND s.jitter = '0' AND s.next_tick IS NOT NULL
 GROUP BY s.next_tick HAVING count(*) >= $1 ORDER BY count(*) DESC, s.next_tick LIMIT 1
