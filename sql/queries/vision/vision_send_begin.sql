-- A document goes out: the row that says so, whatever becomes of it. $1 text business area or workspace code, $2 uuid task, $3 jsonb its
-- arguments. One row: the row's id, the document as it was given, the country's business area (NULL: there is no such country).
WITH country AS (
    SELECT w.id, w.business_area_code FROM registry.workspace w
     WHERE w.business_area_code <> '' AND $1::text IN (w.business_area_code, w.workspace_code)
     ORDER BY w.is_active DESC, w.id LIMIT 1
), written AS (
    INSERT INTO registry.sync_log (handler_name, business_area_code, country_id, successful, exception_message, data, task_id, total_records, fetched, failed)
    SELECT 'vision.send_document', coalesce((SELECT business_area_code FROM country), left($1::text, 10)), (SELECT id FROM country), false,
           'no answer is known: the attempt was ended while the document was on its way', $3::jsonb -> 'document', $2::uuid, 1, 1, 1
    RETURNING id, data
)
SELECT id, data::text, (SELECT business_area_code FROM country) FROM written
