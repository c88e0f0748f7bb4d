-- The tasks of this worker that somebody wants stopped. A row each.
-- $1 worker uuid
SELECT c.task_id FROM drumbeat.cancel_request c JOIN drumbeat.running r USING (task_id) WHERE r.worker = $1::uuid
