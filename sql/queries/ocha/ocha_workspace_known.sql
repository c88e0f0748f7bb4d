-- Is there such a workspace? $1 text its code or business area. One row.
SELECT EXISTS (SELECT FROM registry.workspace WHERE $1::text IN (workspace_code, business_area_code))
