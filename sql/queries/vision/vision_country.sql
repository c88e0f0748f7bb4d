-- The country of a business area or workspace code. $1 text. No row: it is not known.
SELECT w.id, w.business_area_code FROM registry.workspace w
 WHERE w.business_area_code <> '' AND $1::text IN (w.business_area_code, w.workspace_code)
 ORDER BY w.is_active DESC, w.id LIMIT 1
