-- Say whether new tasks should ring for this worker.
-- $1 worker uuid, $2 waiting
UPDATE drumbeat.worker SET waiting = $2::boolean WHERE id = $1::uuid
