-- Staged partners into partner_organization: c1 vendor, c5 to c26 as tasks/vision/partner.c names them, c27 country, c28 place. hidden = deleted,
-- blocked, or blocked by hand. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c1) c1::varchar(30) AS vendor_number, c5 AS rating, c6 AS type_of_assessment, c7 AS address, c8 AS city, c9 AS postal_code,
           c10 AS country, c11 AS phone_number, c12 AS email, c13::boolean AS deleted_flag, c14::boolean AS blocked, c15::date AS last_assessment_date,
           c16::date AS core_values_assessment_date, (c17::date)::timestamp AT TIME ZONE 'UTC' AS psea_assessment_date, c18 AS sea_risk_rating_name,
           c19 AS highest_risk_rating_type, c20 AS highest_risk_rating_name, c22::numeric(20,2) AS total_ct_cp, c23::numeric(20,2) AS total_ct_cy,
           c24::numeric(20,2) AS net_ct_cy, c25::numeric(20,2) AS reported_cy, c26::numeric(20,2) AS total_ct_ytd, c27::bigint AS country_id
      FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c1, c28::bigint DESC
), known AS (
    SELECT o.id AS organization_id, s.*, s.deleted_flag OR s.blocked OR coalesce(p.manually_blocked, false) AS hidden
      FROM staged s JOIN registry.organization o USING (vendor_number)
      LEFT JOIN registry.partner_organization p ON p.organization_id = o.id AND p.country_id = s.country_id
     WHERE (p.rating, p.type_of_assessment, p.address, p.city, p.postal_code, p.country, p.phone_number, p.email, p.deleted_flag, p.blocked,
            p.last_assessment_date, p.core_values_assessment_date, p.psea_assessment_date, p.sea_risk_rating_name, p.highest_risk_rating_type,
            p.highest_risk_rating_name, p.total_ct_cp, p.total_ct_cy, p.net_ct_cy, p.reported_cy, p.total_ct_ytd, p.vision_synced, p.hidden)
           IS DISTINCT FROM
           (s.rating, s.type_of_assessment, s.address, s.city, s.postal_code, s.country, s.phone_number, s.email, s.deleted_flag, s.blocked,
            s.last_assessment_date, s.core_values_assessment_date, s.psea_assessment_date, s.sea_risk_rating_name, s.highest_risk_rating_type,
            s.highest_risk_rating_name, s.total_ct_cp, s.total_ct_cy, s.net_ct_cy, s.reported_cy, s.total_ct_ytd, true,
            s.deleted_flag OR s.blocked OR coalesce(p.manually_blocked, false))
), written AS (
    INSERT INTO registry.partner_organization AS t (organization_id, country_id, rating, type_of_assessment, address, city, postal_code, country, phone_number,
               email, deleted_flag, blocked, last_assessment_date, core_values_assessment_date, psea_assessment_date, sea_risk_rating_name,
               highest_risk_rating_type, highest_risk_rating_name, total_ct_cp, total_ct_cy, net_ct_cy, reported_cy, total_ct_ytd, vision_synced, hidden)
    SELECT organization_id, country_id, rating, type_of_assessment, address, city, postal_code, country, phone_number,
           email, deleted_flag, blocked, last_assessment_date, core_values_assessment_date, psea_assessment_date, sea_risk_rating_name,
           highest_risk_rating_type, highest_risk_rating_name, total_ct_cp, total_ct_cy, net_ct_cy, reported_cy, total_ct_ytd, true, hidden
      FROM known ORDER BY organization_id
    ON CONFLICT (organization_id, country_id) DO UPDATE
       SET rating = excluded.rating, type_of_assessment = excluded.type_of_assessment, address = excluded.address, city = excluded.city,
           postal_code = excluded.postal_code, country = excluded.country, phone_number = excluded.phone_number, email = excluded.email,
           deleted_flag = excluded.deleted_flag, blocked = excluded.blocked, last_assessment_date = excluded.last_assessment_date,
           core_values_assessment_date = excluded.core_values_assessment_date, psea_assessment_date = excluded.psea_assessment_date,
           sea_risk_rating_name = excluded.sea_risk_rating_name, highest_risk_rating_type = excluded.highest_risk_rating_type,
           highest_risk_rating_name = excluded.highest_risk_rating_name, total_ct_cp = excluded.total_ct_cp, total_ct_cy = excluded.total_ct_cy,
           net_ct_cy = excluded.net_ct_cy, reported_cy = excluded.reported_cy, total_ct_ytd = excluded.total_ct_ytd, vision_synced = true,
           hidden = excluded.hidden
    RETURNING t.xmax = 0 AS is_new
)
SELECT NULL::bigint AS record, count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated, 0::bigint AS removed FROM written
