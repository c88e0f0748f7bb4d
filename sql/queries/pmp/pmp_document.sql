-- Programme and government documents from the stage. $1 bigint record or NULL for all.
-- What a document does not say of its signature stays as it was. Days on which amendments were signed are kept as readers of the column know them: 01-May-2023.
WITH staged AS (
    SELECT s.record, r.*
      FROM drumbeat_stage s,
           jsonb_to_record(s.data) AS r(external_id text, external_business_area_code varchar(32), workspace_id bigint, government boolean,
               vendor_number varchar(30), partner_external_id text, partner_external_source varchar(32), agreement varchar(255),
               document_type varchar(4), reference_number varchar(255), title varchar(512), unicef_office text, start_date date, end_date date,
               status varchar(32), cso_contribution numeric(20,2), cso_contribution_currency varchar(16), total_unicef_budget numeric(20,2),
               total_unicef_budget_currency varchar(16), total_unicef_cash numeric(20,2), total_unicef_cash_currency varchar(16),
               in_kind_amount numeric(20,2), in_kind_amount_currency varchar(16), funds_received_to_date numeric(20,2),
               funds_received_to_date_percent numeric(20,2), amendments jsonb, has_signed_document boolean, external_updated_at timestamptz)
     WHERE s.kind = 'document' AND ($1::bigint IS NULL OR s.record = $1::bigint)
), complete AS (
    SELECT s.*, d.id,
           (SELECT coalesce(jsonb_agg(a.value || CASE WHEN a.value ->> 'signed_date' <> ''
                                                      THEN jsonb_build_object('signed_date', to_char((a.value ->> 'signed_date')::date, 'DD-Mon-YYYY')) ELSE '{}' END
                                      ORDER BY a.place), '[]')
              FROM jsonb_array_elements(s.amendments) WITH ORDINALITY AS a(value, place)) AS signed_amendments,
           coalesce(s.has_signed_document, d.has_signed_document, false) AS is_signed,
           CASE WHEN num_nonnulls(s.cso_contribution, s.total_unicef_cash, s.in_kind_amount) > 0
                THEN coalesce(s.cso_contribution, 0) + coalesce(s.total_unicef_cash, 0) + coalesce(s.in_kind_amount, 0) END AS budget,
           CASE WHEN s.cso_contribution_currency = s.total_unicef_cash_currency AND s.cso_contribution_currency = s.in_kind_amount_currency
                THEN s.cso_contribution_currency END AS budget_currency,
           (SELECT p.id FROM registry.partner p
             WHERE p.known_by = registry.partner_key(s.vendor_number, s.partner_external_source, s.partner_external_id)) AS partner_id
      FROM staged s LEFT JOIN registry.programme_document d USING (external_id, external_business_area_code, workspace_id, government)
), differing AS (
    SELECT c.* FROM complete c LEFT JOIN registry.programme_document d USING (id)
     WHERE d.id IS NULL
        OR (d.partner_id, d.agreement, d.document_type, d.reference_number, d.title, d.unicef_office, d.start_date, d.end_date, d.status,
            d.budget, d.budget_currency, d.cso_contribution, d.cso_contribution_currency, d.total_unicef_budget, d.total_unicef_budget_currency,
            d.total_unicef_cash, d.total_unicef_cash_currency, d.in_kind_amount, d.in_kind_amount_currency, d.funds_received_to_date,
            d.funds_received_to_date_currency, d.funds_received_to_date_percent, d.amendments, d.has_signed_document, d.external_updated_at,
            d.is_active)
           IS DISTINCT FROM
           (c.partner_id, c.agreement, c.document_type, c.reference_number, c.title, c.unicef_office, c.start_date, c.end_date, c.status,
            c.budget, c.budget_currency, c.cso_contribution, c.cso_contribution_currency, c.total_unicef_budget, c.total_unicef_budget_currency,
            c.total_unicef_cash, c.total_unicef_cash_currency, c.in_kind_amount, c.in_kind_amount_currency, c.funds_received_to_date,
            c.total_unicef_budget_currency, c.funds_received_to_date_percent, c.signed_amendments, c.is_signed, c.external_updated_at,
            true)
), written AS (
    INSERT INTO registry.programme_document AS d
           (external_id, external_business_area_code, workspace_id, government, partner_id, agreement, document_type, reference_number, title,
            unicef_office, start_date, end_date, status, budget, budget_currency, cso_contribution, cso_contribution_currency,
            total_unicef_budget, total_unicef_budget_currency, total_unicef_cash, total_unicef_cash_currency, in_kind_amount,
            in_kind_amount_currency, funds_received_to_date, funds_received_to_date_currency, funds_received_to_date_percent, amendments,
            has_signed_document, external_updated_at)
    SELECT external_id, external_business_area_code, workspace_id, government, partner_id, agreement, document_type, reference_number, title,
           unicef_office, start_date, end_date, status, budget, budget_currency, cso_contribution, cso_contribution_currency,
           total_unicef_budget, total_unicef_budget_currency, total_unicef_cash, total_unicef_cash_currency, in_kind_amount,
           in_kind_amount_currency, funds_received_to_date, total_unicef_budget_currency, funds_received_to_date_percent, signed_amendments,
           is_signed, external_updated_at
      FROM differing ORDER BY external_id, external_business_area_code
    ON CONFLICT (external_id, external_business_area_code, workspace_id, government) DO UPDATE
       SET partner_id = excluded.partner_id, agreement = excluded.agreement, document_type = excluded.document_type,
           reference_number = excluded.reference_number, title = excluded.title, unicef_office = excluded.unicef_office,
           start_date = excluded.start_date, end_date = excluded.end_date, status = excluded.status, budget = excluded.budget,
           budget_currency = excluded.budget_currency, cso_contribution = excluded.cso_contribution,
           cso_contribution_currency = excluded.cso_contribution_currency, total_unicef_budget = excluded.total_unicef_budget,
           total_unicef_budget_currency = excluded.total_unicef_budget_currency, total_unicef_cash = excluded.total_unicef_cash,
           total_unicef_cash_currency = excluded.total_unicef_cash_currency, in_kind_amount = excluded.in_kind_amount,
           in_kind_amount_currency = excluded.in_kind_amount_currency, funds_received_to_date = excluded.funds_received_to_date,
           funds_received_to_date_currency = excluded.funds_received_to_date_currency,
           funds_received_to_date_percent = excluded.funds_received_to_date_percent, amendments = excluded.amendments,
           has_signed_document = excluded.has_signed_document, external_updated_at = excluded.external_updated_at, is_active = true
    RETURNING d.external_id, d.external_business_area_code, d.xmax = 0 AS is_new
)
SELECT s.record, count(*) FILTER (WHERE w.is_new) AS created, count(*) FILTER (WHERE NOT w.is_new) AS updated, 0::bigint AS removed
  FROM written w JOIN staged s USING (external_id, external_business_area_code) GROUP BY s.record
