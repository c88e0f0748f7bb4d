-- Countries that have partners, or the one asked for. $1 text business area or workspace code, NULL: all. Rows: id, business area.
SELECT w.id, w.business_area_code FROM registry.workspace w
 WHERE w.is_active AND w.business_area_code <> '' AND w.business_area_code NOT IN ('0', '234R')
   AND ($1::text IS NULL OR $1::text IN (w.business_area_code, w.workspace_code))
 ORDER BY 2
