-- Schedules whose definition is newer than revision $1 (bigint), at most $2 (bigint), oldest first. No row: nothing new.
SELECT r.* FROM drumbeat.schedule_rule r WHERE r.revision > $1 ORDER BY r.revision LIMIT $2
