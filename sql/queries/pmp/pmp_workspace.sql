-- Workspaces from the stage. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT s.record, r.*
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(workspace_code varchar(8), external_id text, title varchar(255), business_area_code varchar(10),
                                        iso3_code varchar(10), latitude numeric(8,5), longitude numeric(8,5), initial_zoom integer,
                                        local_currency_code varchar(16))
     WHERE s.kind = 'workspace' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), differing AS (
    SELECT s.* FROM staged s LEFT JOIN registry.workspace w USING (workspace_code)
     WHERE w.id IS NULL
        OR (w.external_id, w.title, w.business_area_code, w.iso3_code, w.country_short_code, w.latitude, w.longitude, w.initial_zoom,
            w.local_currency_code, w.is_active)
           IS DISTINCT FROM
           (s.external_id, s.title, s.business_area_code, s.iso3_code, s.workspace_code, s.latitude, s.longitude, coalesce(s.initial_zoom, 8),
            s.local_currency_code, true)
), written AS (
    INSERT INTO registry.workspace AS w (workspace_code, external_id, title, business_area_code, iso3_code, country_short_code, latitude, longitude,
                                         initial_zoom, local_currency_code)
    SELECT workspace_code, external_id, title, business_area_code, iso3_code, workspace_code, latitude, longitude, coalesce(initial_zoom, 8),
           local_currency_code
      FROM differing ORDER BY workspace_code
    ON CONFLICT (workspace_code) DO UPDATE
       SET external_id = excluded.external_id, title = excluded.title, business_area_code = excluded.business_area_code,
           iso3_code = excluded.iso3_code, country_short_code = excluded.country_short_code, latitude = excluded.latitude,
           longitude = excluded.longitude, initial_zoom = excluded.initial_zoom, local_currency_code = excluded.local_currency_code,
           is_active = true
    RETURNING w.workspace_code, w.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (workspace_code) GROUP BY s.record
