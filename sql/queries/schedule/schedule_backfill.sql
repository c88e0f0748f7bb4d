-- Emit past ticks that have no row. $1 text: the schedule, $2 bigint[]: ticks, microseconds since 1970, in their order, $3 bool: only count
-- them. (How many of the ticks are dealt with, how many were emitted); no row: there is no such schedule.
SELECT b.dealt, b.emitted FROM drumbeat.backfill_schedule($1, $2, $3) b
