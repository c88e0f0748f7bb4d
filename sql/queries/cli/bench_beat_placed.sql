-- No argument. One row: has the schedule that was defined last its next tick?
SELECT s.next_tick IS NOT NULL FROM drumbeat.schedule s ORDER BY s.revision DESC LIMIT 1
