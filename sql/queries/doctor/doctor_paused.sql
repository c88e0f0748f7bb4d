-- One row: the paused queues with their reasons; NULL: none.
SELECT string_agg(name || coalesce(' (' || paused_reason || ')', ''), ', ' ORDER BY name) AS queues FROM drumbeat.queue WHERE paused
