-- A current core values assessment for each partner that has a day of one: c27 country. $1 bigint record or NULL for all.
WITH written AS (
    INSERT INTO registry.core_values_assessment (partner_id, date)
    SELECT p.id, p.core_values_assessment_date
      FROM registry.partner_organization p LEFT JOIN registry.core_values_assessment a ON a.partner_id = p.id AND NOT a.archived
     WHERE p.core_values_assessment_date IS NOT NULL AND a.id IS NULL AND $1::bigint IS NULL
       AND p.country_id IN (SELECT DISTINCT c27::bigint FROM drumbeat_stage WHERE kind = 'row')
    RETURNING id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
