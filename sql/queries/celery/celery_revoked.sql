-- Ids of messages that were revoked, the latest first. A row each.
SELECT r.external_id FROM drumbeat.celery_revoked r ORDER BY r.revoked_at DESC LIMIT 1000
