-- $1 text queue. One row: how many tasks wait in it, delayed and limited ones too.
SELECT (SELECT count(*) FROM drumbeat.ready r WHERE r.queue = $1::text)
     + (SELECT count(*) FROM drumbeat.delayed d JOIN drumbeat.task_body b ON b.id = d.task_id WHERE b.queue = $1::text)
     + (SELECT count(*) FROM drumbeat.gated g JOIN drumbeat.task_body b ON b.id = g.task_id WHERE b.queue = $1::text)
     + (SELECT count(*) FROM drumbeat.sent s WHERE s.queue = $1::text AND s.started_at IS NULL) AS waiting
