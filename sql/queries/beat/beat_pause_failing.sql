-- Pause schedules whose tasks fail, of $2 (bigint) that may be paused so and whose names come after $1 (text). A row for each that
-- was, or one: (the last name looked at, the name paused or NULL). No row: there are none behind $1.
SELECT p.looked_to, p.paused FROM drumbeat.pause_failing($1, $2) p
