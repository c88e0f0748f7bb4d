-- The last ticks of a schedule, newest first, with how their tasks stand. $1 text: its name, $2 bigint: how many. No row: none was emitted.
SELECT t.tick_at, t.emitted_at, t.lateness_ms, t.task_id, k.status, k.started_at, k.ended_at, k.missed, k.error, t.emitted_by, t.epoch
  FROM drumbeat.tick t LEFT JOIN drumbeat.task k ON k.id = t.task_id
 WHERE t.schedule = $1 ORDER BY t.tick_at DESC LIMIT $2
