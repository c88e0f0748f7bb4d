-- Partners from the stage, by what they are known by. $1 bigint record or NULL for all. What a partners' list says stands above what
-- documents say; see `origin` in the schema.
WITH staged AS (
    SELECT DISTINCT ON (k.known_by) s.record, k.known_by, r.*
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(vendor_number varchar(30), external_id text, external_source varchar(32), title varchar(255),
               short_title varchar(50), alternate_title varchar(255), partner_type varchar(3), cso_type varchar(3), email varchar(255),
               phone_number varchar(64), last_assessment_date date, core_values_assessment_date date, street_address varchar(512),
               address varchar(512), city varchar(64), postal_code varchar(32), country varchar(64), country_code varchar(2),
               total_ct_cp numeric(20,2), total_ct_cy numeric(20,2), rating varchar(50), basis_for_risk_rating varchar(80),
               type_of_assessment varchar(50), sea_risk_rating_name varchar(150), psea_assessment_date timestamptz,
               highest_risk_rating_type varchar(150), highest_risk_rating_name varchar(150), origin text, origin_at timestamptz),
           registry.partner_key(r.vendor_number, r.external_source, r.external_id) AS k(known_by)
     WHERE s.kind = 'partner' AND k.known_by IS NOT NULL AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY k.known_by, r.origin_at DESC, r.origin DESC, s.record DESC
), differing AS (
    SELECT s.* FROM staged s LEFT JOIN registry.partner p USING (known_by)
     WHERE p.id IS NULL
        OR ((s.origin_at, s.origin) >= (p.origin_at, p.origin)
            AND (p.external_id, p.external_source, p.title, p.short_title, p.alternate_title, p.partner_type, p.cso_type, p.email, p.phone_number,
                 p.last_assessment_date, p.core_values_assessment_date, p.street_address, p.address, p.city, p.postal_code, p.country,
                 p.country_code, p.total_ct_cp, p.total_ct_cy, p.rating, p.basis_for_risk_rating, p.type_of_assessment,
                 p.sea_risk_rating_name, p.psea_assessment_date, p.highest_risk_rating_type, p.highest_risk_rating_name)
                IS DISTINCT FROM
                (s.external_id, s.external_source, s.title, s.short_title, s.alternate_title, s.partner_type, s.cso_type, s.email, s.phone_number,
                 s.last_assessment_date, s.core_values_assessment_date, s.street_address, s.address, s.city, s.postal_code, s.country,
                 s.country_code, s.total_ct_cp, s.total_ct_cy, s.rating, s.basis_for_risk_rating, s.type_of_assessment,
                 s.sea_risk_rating_name, s.psea_assessment_date, s.highest_risk_rating_type, s.highest_risk_rating_name))
), written AS (
    INSERT INTO registry.partner AS p (vendor_number, external_id, external_source, title, short_title, alternate_title, partner_type, cso_type,
               email, phone_number, last_assessment_date, core_values_assessment_date, street_address, address, city, postal_code, country,
               country_code, total_ct_cp, total_ct_cy, rating, basis_for_risk_rating, type_of_assessment, sea_risk_rating_name,
               psea_assessment_date, highest_risk_rating_type, highest_risk_rating_name, origin, origin_at)
    SELECT vendor_number, external_id, external_source, title, short_title, alternate_title, partner_type, cso_type,
           email, phone_number, last_assessment_date, core_values_assessment_date, street_address, address, city, postal_code, country,
           country_code, total_ct_cp, total_ct_cy, rating, basis_for_risk_rating, type_of_assessment, sea_risk_rating_name,
           psea_assessment_date, highest_risk_rating_type, highest_risk_rating_name, origin, origin_at
      FROM differing ORDER BY known_by
    ON CONFLICT (known_by) DO UPDATE
       SET external_id = excluded.external_id, external_source = excluded.external_source, title = excluded.title,
           short_title = excluded.short_title, alternate_title = excluded.alternate_title, partner_type = excluded.partner_type,
           cso_type = excluded.cso_type, email = excluded.email, phone_number = excluded.phone_number,
           last_assessment_date = excluded.last_assessment_date, core_values_assessment_date = excluded.core_values_assessment_date,
           street_address = excluded.street_address, address = excluded.address, city = excluded.city, postal_code = excluded.postal_code,
           country = excluded.country, country_code = excluded.country_code, total_ct_cp = excluded.total_ct_cp,
           total_ct_cy = excluded.total_ct_cy, rating = excluded.rating, basis_for_risk_rating = excluded.basis_for_risk_rating,
           type_of_assessment = excluded.type_of_assessment, sea_risk_rating_name = excluded.sea_risk_rating_name,
           psea_assessment_date = excluded.psea_assessment_date, highest_risk_rating_type = excluded.highest_risk_rating_type,
           highest_risk_rating_name = excluded.highest_risk_rating_name, origin = excluded.origin, origin_at = excluded.origin_at
     WHERE (excluded.origin_at, excluded.origin) >= (p.origin_at, p.origin)
    RETURNING p.known_by, p.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (known_by) GROUP BY s.record
