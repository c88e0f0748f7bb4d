-- The vendors to ask for: $1 bigint country or NULL, $2 text: this one alone, known or not, NULL: all firms that are known, or that the country works with.
SELECT o.vendor_number
  FROM registry.tpm_partner p JOIN registry.organization o ON o.id = p.organization_id
 WHERE $2::text IS NULL
   AND ($1::bigint IS NULL OR EXISTS (SELECT FROM registry.tpm_partner_country c WHERE c.tpm_partner_id = p.id AND c.country_id = $1::bigint))
UNION ALL
SELECT $2::text WHERE $2::text IS NOT NULL
 ORDER BY 1
