-- A plan for each partner of the country that has none: c27 country. $1 bigint record or NULL for all.
WITH written AS (
    INSERT INTO registry.planned_engagement (partner_id)
    SELECT p.id FROM registry.partner_organization p LEFT JOIN registry.planned_engagement e ON e.partner_id = p.id
     WHERE e.id IS NULL AND $1::bigint IS NULL
       AND p.country_id IN (SELECT DISTINCT c27::bigint FROM drumbeat_stage WHERE kind = 'row')
    ON CONFLICT (partner_id) DO NOTHING
    RETURNING id
)
SELECT NULL::bigint AS record, count(*) AS created, 0::bigint AS updated, 0::bigint AS removed FROM written
