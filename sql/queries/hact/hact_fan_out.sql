-- A batch: hact.values for each country, hact.summary when all have ended. $1 date as which day or NULL, $2 jsonb arguments of the summary. One row: the
-- batch's id (NULL: no country), the countries.
WITH members AS (
    SELECT jsonb_agg(jsonb_build_object('task', 'hact.values', 'tenant', w.business_area_code,
                                        'args', jsonb_strip_nulls(jsonb_build_object('business_area', w.business_area_code, 'today', $1::date)))
                     ORDER BY w.business_area_code) AS list, count(*) AS countries
      FROM registry.workspace w
     WHERE w.is_active AND w.business_area_code <> '' AND w.business_area_code NOT IN ('0', '234R')
)
SELECT CASE WHEN countries > 0 THEN drumbeat.enqueue_workflow(jsonb_build_object('label', 'hact.values', 'group', list, 'on_always',
                                        jsonb_build_object('task', 'hact.summary', 'args', $2::jsonb))) END, countries
  FROM members
