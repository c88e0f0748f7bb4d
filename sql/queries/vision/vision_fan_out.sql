-- One batch: each of the handlers for each country that takes part. $1 text[] handlers, $2 text: one business area or workspace code, NULL:
-- all, $3 text upstream, $4 text label. One row: the batch's id (NULL: no country), its tasks, the countries.
WITH countries AS (
    SELECT w.business_area_code AS code FROM registry.workspace w
     WHERE w.vision_sync_enabled AND w.is_active AND w.business_area_code <> '' AND w.business_area_code NOT IN ('0', '234R')
       AND ($2::text IS NULL OR $2::text IN (w.business_area_code, w.workspace_code))
), members AS (
    SELECT jsonb_agg(jsonb_build_object('task', h.name, 'args', jsonb_build_object('business_area', c.code, 'upstream', $3::text), 'tenant', c.code)
                     ORDER BY h.place, c.code) AS list, count(*) AS tasks, count(DISTINCT c.code) AS countries
      FROM countries c, unnest($1::text[]) WITH ORDINALITY AS h(name, place)
)
SELECT CASE WHEN tasks > 0 THEN drumbeat.enqueue_workflow(jsonb_build_object('label', $4::text, 'group', list)) END, tasks, countries FROM members
