-- Partners that this run blocks, before it does: a mail to each person who looks after a running document of theirs, written down. c1 vendor, c14 blocked, c27
-- country, c28 place. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (c1) c1 AS vendor_number, c14::boolean AS blocked, c27::bigint AS country_id
      FROM drumbeat_stage
     WHERE kind = 'row' AND ($1::bigint IS NULL OR record = $1::bigint)
     ORDER BY c1, c28::bigint DESC
), newly AS (
    SELECT s.vendor_number, o.name, s.country_id
      FROM staged s JOIN registry.organization o USING (vendor_number)
      LEFT JOIN registry.partner_organization p ON p.organization_id = o.id AND p.country_id = s.country_id
     WHERE s.blocked AND NOT coalesce(p.blocked, false)
), documents AS (
    SELECT n.vendor_number, n.name, n.country_id, d.id, d.reference_number,
           string_agg(d.reference_number, ', ') OVER (PARTITION BY n.vendor_number ORDER BY d.reference_number
                                                        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS numbers
      FROM newly n JOIN registry.partner p USING (vendor_number)
      JOIN registry.programme_document d ON d.partner_id = p.id AND d.workspace_id = n.country_id AND d.is_active
     WHERE d.status IN ('signed', 'active', 'ended')
), written AS (
    INSERT INTO registry.notification (template_name, template_data, recipients, subject, text)
    SELECT DISTINCT 'partners/blocked_partner',
           jsonb_build_object('partner_name', d.name, 'vendor_number', d.vendor_number, 'pds', d.numbers, 'person', h.name),
           ARRAY[h.email::text],
           left(format('Partner %s is blocked', d.name), 255),
           format(E'Dear %s,\n\nthe partner %s (%s) was blocked in VISION. These documents are with it: %s.\n', coalesce(nullif(h.name, ''), h.email), d.name,
                  d.vendor_number, d.numbers)
      FROM documents d
      JOIN registry.programme_document_unicef_focal_point f ON f.programme_document_id = d.id AND f.active
      JOIN registry.person h ON h.id = f.person_id AND h.active
    RETURNING id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
