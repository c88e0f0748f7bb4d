-- Somebody has these messages.
-- $1 text[] ids
UPDATE drumbeat.sent s SET taken = true WHERE s.external_id = ANY ($1::text[]) AND s.sent_at IS NOT NULL
