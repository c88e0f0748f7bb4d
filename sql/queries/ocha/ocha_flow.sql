-- Flows of money. $1 bigint record or NULL for all.
WITH staged AS (
    SELECT DISTINCT ON (r.external_id) s.record, r.*
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(external_id text, amount_usd numeric(20,2), original_amount numeric(20,2), original_currency varchar(16),
               exchange_rate numeric, budget_year varchar(32), contribution_type varchar(255), flow_type varchar(255), method varchar(255), status varchar(255),
               boundary varchar(255), new_money boolean, flow_date date, decision_date date, first_reported_date date, description text, ref_code varchar(255),
               parent_flow_id text, version_id text, external_updated_at timestamptz, child_flow_ids jsonb, keywords jsonb,
               grand_bargain_earmarking_type jsonb, source_objects jsonb, destination_objects jsonb, report_details jsonb, project_external_id text,
               project_code text, organizations text)
     WHERE s.kind = 'flow' AND ($1::bigint IS NULL OR s.record = $1::bigint)
     ORDER BY r.external_id, s.record DESC
), differing AS (
    SELECT s.* FROM staged s LEFT JOIN registry.fts_flow f USING (external_id)
     WHERE f.id IS NULL OR NOT f.is_active
        OR (f.amount_usd, f.original_amount, f.original_currency, f.exchange_rate, f.budget_year, f.contribution_type, f.flow_type, f.method, f.status,
            f.boundary, f.new_money, f.flow_date, f.decision_date, f.first_reported_date, f.description, f.ref_code, f.parent_flow_id, f.version_id,
            f.external_updated_at, f.child_flow_ids, f.keywords, f.grand_bargain_earmarking_type, f.source_objects, f.destination_objects, f.report_details,
            f.project_external_id, f.project_code, f.organizations)
           IS DISTINCT FROM
           (s.amount_usd, s.original_amount, s.original_currency, s.exchange_rate, s.budget_year, s.contribution_type, s.flow_type, s.method, s.status,
            s.boundary, s.new_money, s.flow_date, s.decision_date, s.first_reported_date, s.description, s.ref_code, s.parent_flow_id, s.version_id,
            s.external_updated_at, s.child_flow_ids, s.keywords, s.grand_bargain_earmarking_type, s.source_objects, s.destination_objects, s.report_details,
            s.project_external_id, s.project_code, s.organizations)
), written AS (
    INSERT INTO registry.fts_flow AS f (external_id, amount_usd, original_amount, original_currency, exchange_rate, budget_year, contribution_type, flow_type,
               method, status, boundary, new_money, flow_date, decision_date, first_reported_date, description, ref_code, parent_flow_id, version_id,
               external_updated_at, child_flow_ids, keywords, grand_bargain_earmarking_type, source_objects, destination_objects, report_details,
               project_external_id, project_code, organizations)
    SELECT external_id, amount_usd, original_amount, original_currency, exchange_rate, budget_year, contribution_type, flow_type, method, status, boundary,
           new_money, flow_date, decision_date, first_reported_date, description, ref_code, parent_flow_id, version_id, external_updated_at, child_flow_ids,
           keywords, grand_bargain_earmarking_type, source_objects, destination_objects, report_details, project_external_id, project_code, organizations
      FROM differing ORDER BY external_id
    ON CONFLICT (external_id) DO UPDATE
       SET amount_usd = excluded.amount_usd, original_amount = excluded.original_amount, original_currency = excluded.original_currency,
           exchange_rate = excluded.exchange_rate, budget_year = excluded.budget_year, contribution_type = excluded.contribution_type,
           flow_type = excluded.flow_type, method = excluded.method, status = excluded.status, boundary = excluded.boundary, new_money = excluded.new_money,
           flow_date = excluded.flow_date, decision_date = excluded.decision_date, first_reported_date = excluded.first_reported_date,
           description = excluded.description, ref_code = excluded.ref_code, parent_flow_id = excluded.parent_flow_id, version_id = excluded.version_id,
           external_updated_at = excluded.external_updated_at, child_flow_ids = excluded.child_flow_ids, keywords = excluded.keywords,
           grand_bargain_earmarking_type = excluded.grand_bargain_earmarking_type, source_objects = excluded.source_objects,
           destination_objects = excluded.destination_objects, report_details = excluded.report_details,
           project_external_id = excluded.project_external_id, project_code = excluded.project_code, organizations = excluded.organizations, is_active = true
    RETURNING f.external_id, f.xmax = 0 AS is_new
)
SELECT s.record, w.is_new::int::bigint AS created, (NOT w.is_new)::int::bigint AS updated, 0::bigint AS removed FROM written w JOIN staged s USING (external_id)
