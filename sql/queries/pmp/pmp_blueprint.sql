-- Indicator blueprints of the staged documents. $1 bigint record or NULL for all. How values add up is decided here when a blueprint is new or its unit
-- changes; otherwise it belongs to those who report.
WITH staged AS (
    SELECT DISTINCT ON (r.blueprint, r.source) s.record, r.blueprint AS external_id, r.source AS external_source, r.title, r.unit, r.display_type,
           CASE r.unit WHEN 'percentage' THEN 'latest' ELSE 'sum' END AS formula
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(blueprint text, source text, title varchar(255), unit varchar(10), display_type varchar(10))
     WHERE s.kind = 'indicator' AND r.blueprint IS NOT NULL AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.blueprint, r.source, r.title DESC, r.unit, r.display_type
), documents AS (
    SELECT s.record, s.data->>'source' AS source FROM drumbeat_stage s WHERE s.kind = 'document' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), written AS (
    INSERT INTO registry.indicator_blueprint AS t (external_id, external_source, title, unit, display_type, calculation_formula_across_periods,
                                                   calculation_formula_across_locations)
    SELECT s.external_id, s.external_source, s.title, s.unit, s.display_type, s.formula, s.formula
      FROM staged s LEFT JOIN registry.indicator_blueprint t USING (external_id, external_source)
     WHERE t.id IS NULL OR (t.title, t.unit, t.display_type) IS DISTINCT FROM (s.title, s.unit, s.display_type)
     ORDER BY 1, 2
    ON CONFLICT (external_id, external_source) DO UPDATE
       SET title = excluded.title, unit = excluded.unit, display_type = excluded.display_type,
           calculation_formula_across_periods = CASE WHEN t.unit = excluded.unit THEN t.calculation_formula_across_periods
                                                     ELSE excluded.calculation_formula_across_periods END,
           calculation_formula_across_locations = CASE WHEN t.unit = excluded.unit THEN t.calculation_formula_across_locations
                                                       ELSE excluded.calculation_formula_across_locations END
    RETURNING t.external_source, t.xmax = 0 AS is_new
)
SELECT d.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN documents d ON d.source = w.external_source GROUP BY d.record
