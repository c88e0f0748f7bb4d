-- Schedules whose next tick is not after $1 (timestamptz) or was not looked for yet, in the order of revisions, right of revision
-- $2 (bigint), at most $3 (bigint). No row: none.
SELECT r.* FROM drumbeat.schedule_rule r
 WHERE r.active AND (r.next_tick <= $1 OR r.next_tick IS NULL) AND r.revision > $2 ORDER BY r.revision LIMIT $3
