-- The tasks of this worker that somebody wants stopped. A row each. Looked up by request: as a join it may read all that runs, and all that has
-- run as long as somebody may still see it.
-- $1 worker uuid
SELECT c.task_id FROM drumbeat.cancel_request c WHERE (SELECT r.worker FROM drumbeat.running r WHERE r.task_id = c.task_id) = $1::uuid
