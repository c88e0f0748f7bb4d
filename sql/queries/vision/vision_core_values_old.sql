-- Core values assessments of another day than the partner's become old: c27 country. $1 bigint record or NULL for all.
WITH written AS (
    UPDATE registry.core_values_assessment a SET archived = true
      FROM registry.partner_organization p
     WHERE p.id = a.partner_id AND NOT a.archived AND a.date IS DISTINCT FROM p.core_values_assessment_date AND $1::bigint IS NULL
       AND p.country_id IN (SELECT DISTINCT c27::bigint FROM drumbeat_stage WHERE kind = 'row')
    RETURNING a.id
)
SELECT NULL::bigint AS record, 0::bigint AS created, count(*) AS updated, 0::bigint AS removed FROM written
