-- Nobody monitors for a firm that is deleted: c1 vendor. $1 bigint record or NULL for all.
WITH written AS (
    UPDATE registry.organization_realm r SET is_active = false
      FROM drumbeat_stage s JOIN registry.organization o ON o.vendor_number = s.c1 JOIN registry.tpm_partner p ON p.organization_id = o.id
     WHERE s.kind = 'row' AND ($1::bigint IS NULL OR s.record = $1::bigint) AND p.deleted_flag
       AND r.organization_id = o.id AND r.group_name = 'Third Party Monitor' AND r.is_active
    RETURNING r.user_id
)
SELECT NULL::bigint AS record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written
