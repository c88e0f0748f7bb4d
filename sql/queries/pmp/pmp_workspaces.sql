-- The workspaces a sync goes through, in the order of their business areas: not the global and the regional one.
-- $1 text handler, $2 text: a business area or workspace code, NULL: all. `expected` is what the last good run fetched.
-- No row: nothing is known yet, or nothing of that name.
SELECT w.id, w.business_area_code, w.workspace_code, w.title, s.upstream, s.watermark, s.full_at,
       coalesce((SELECT l.fetched FROM registry.sync_log l
                  WHERE l.handler_name = $1::text AND l.country_id = w.id AND l.successful
                  ORDER BY l.date_processed DESC LIMIT 1), 0) AS expected
  FROM registry.workspace w LEFT JOIN registry.sync_state s ON s.workspace_id = w.id AND s.handler_name = $1::text
 WHERE w.is_active AND w.business_area_code <> '' AND w.business_area_code NOT IN ('0', '234R')
   AND ($2::text IS NULL OR $2::text IN (w.business_area_code, w.workspace_code))
 ORDER BY w.business_area_code, w.id
