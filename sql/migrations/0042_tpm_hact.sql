-- Firms that monitor and audit, with what was ordered from them: known to all countries, as the organizations that they are. What each country
-- planned and did to be sure of its partners, and what comes of it by year.

CREATE TABLE registry.tpm_partner (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id bigint NOT NULL UNIQUE REFERENCES registry.organization,
    street_address  varchar(500) NOT NULL DEFAULT '',
    city            varchar(255) NOT NULL DEFAULT '',
    postal_code     varchar(32) NOT NULL DEFAULT '',
    country         varchar(255) NOT NULL DEFAULT '',
    email           varchar(255) NOT NULL DEFAULT '',
    phone_number    varchar(32) NOT NULL DEFAULT '',
    vision_synced   boolean NOT NULL DEFAULT false,
    blocked         boolean NOT NULL DEFAULT false,
    hidden          boolean NOT NULL DEFAULT false,
    deleted_flag    boolean NOT NULL DEFAULT false
);

-- The countries that work with it, which people say.
CREATE TABLE registry.tpm_partner_country (
    tpm_partner_id bigint NOT NULL REFERENCES registry.tpm_partner ON DELETE CASCADE,
    country_id     bigint NOT NULL REFERENCES registry.workspace,
    PRIMARY KEY (tpm_partner_id, country_id)
);
CREATE INDEX tpm_partner_country_country ON registry.tpm_partner_country (country_id);

-- Who acts for an organization, where and as what.
CREATE TABLE registry.organization_realm (
    user_id         bigint NOT NULL,
    country_id      bigint NOT NULL REFERENCES registry.workspace,
    organization_id bigint NOT NULL REFERENCES registry.organization,
    group_name      varchar(150) NOT NULL,
    is_active       boolean NOT NULL DEFAULT true,
    UNIQUE (user_id, country_id, organization_id, group_name)
);
CREATE INDEX organization_realm_organization ON registry.organization_realm (organization_id);

CREATE TABLE registry.auditor_firm (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id      bigint NOT NULL UNIQUE REFERENCES registry.organization,
    street_address       varchar(500) NOT NULL DEFAULT '',
    city                 varchar(255) NOT NULL DEFAULT '',
    postal_code          varchar(32) NOT NULL DEFAULT '',
    country              varchar(255) NOT NULL DEFAULT '',
    email                varchar(255) NOT NULL DEFAULT '',
    phone_number         varchar(32) NOT NULL DEFAULT '',
    vision_synced        boolean NOT NULL DEFAULT false,
    blocked              boolean NOT NULL DEFAULT false,
    hidden               boolean NOT NULL DEFAULT false,
    deleted_flag         boolean NOT NULL DEFAULT false,
    unicef_users_allowed boolean NOT NULL DEFAULT false
);

CREATE TABLE registry.purchase_order (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_number        varchar(30) NOT NULL UNIQUE,
    auditor_firm_id     bigint NOT NULL REFERENCES registry.auditor_firm,
    contract_start_date date,
    contract_end_date   date
);
CREATE INDEX purchase_order_auditor_firm ON registry.purchase_order (auditor_firm_id);

CREATE TABLE registry.purchase_order_item (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    purchase_order_id bigint NOT NULL REFERENCES registry.purchase_order ON DELETE CASCADE,
    number            integer NOT NULL,
    UNIQUE (purchase_order_id, number)
);

-- Being sure of partners ---------------------------------------------------------------------------------------------------

-- Audits, spot checks, micro assessments and special audits, as the platform keeps them.
CREATE TABLE registry.engagement (
    id                             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_id                     bigint NOT NULL REFERENCES registry.partner_organization ON DELETE CASCADE,
    engagement_type                varchar(10) NOT NULL CHECK (engagement_type IN ('audit', 'sc', 'ma', 'sa')),
    status                         varchar(30) NOT NULL DEFAULT 'partner_contacted',  -- report_submitted, final, cancelled
    auditor_firm_id                bigint REFERENCES registry.auditor_firm,
    date_of_draft_report_to_ip     date,
    date_of_draft_report_to_unicef date,
    audited_expenditure            numeric(20,2),
    financial_findings             numeric(20,2),
    amount_refunded                numeric(20,2),
    additional_supporting_documentation_provided numeric(20,2),
    justification_provided_and_accepted          numeric(20,2),
    write_off_required             numeric(20,2),
    high_findings                  integer NOT NULL DEFAULT 0,
    medium_findings                integer NOT NULL DEFAULT 0,
    low_findings                   integer NOT NULL DEFAULT 0,
    audit_opinion                  varchar(20)                                         -- qualified, unqualified, denial, adverse
);
CREATE INDEX engagement_partner ON registry.engagement (partner_id);

CREATE TABLE registry.programmatic_visit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_id   bigint NOT NULL REFERENCES registry.partner_organization ON DELETE CASCADE,
    completed_on date NOT NULL
);
CREATE INDEX programmatic_visit_partner ON registry.programmatic_visit (partner_id);

CREATE TABLE registry.planned_visits (
    partner_id      bigint NOT NULL REFERENCES registry.partner_organization ON DELETE CASCADE,
    year            smallint NOT NULL,
    programmatic_q1 integer NOT NULL DEFAULT 0,
    programmatic_q2 integer NOT NULL DEFAULT 0,
    programmatic_q3 integer NOT NULL DEFAULT 0,
    programmatic_q4 integer NOT NULL DEFAULT 0,
    PRIMARY KEY (partner_id, year)
);

CREATE TABLE registry.aggregate_hact (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id     bigint NOT NULL REFERENCES registry.workspace,
    year           smallint NOT NULL,
    partner_values jsonb NOT NULL,
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (country_id, year)
);

-- What is asked of each partner in a year: how high its risk is, and how many visits, spot checks and audits that and its cash call for. Those
-- of other agencies are not asked for any. `active`: cash went there this year.
CREATE VIEW registry.hact_requirement AS
SELECT p.id AS partner_id, p.country_id, o.organization_type, r.risk, coalesce(p.total_ct_ytd, 0) AS total_ct_ytd,
       NOT p.hidden AND (coalesce(p.reported_cy, 0) > 0 OR coalesce(p.total_ct_cy, 0) > 0) AS active,
       CASE WHEN other.agency OR coalesce(p.net_ct_cy, 0) <= 2500 THEN 0
            WHEN p.net_ct_cy <= 100000 THEN 1
            WHEN r.risk = 'Not Required' THEN 0
            ELSE CASE r.risk WHEN 'Low' THEN 1 WHEN 'Medium' THEN 2 ELSE 3 END + CASE WHEN p.net_ct_cy > 500000 THEN 1 ELSE 0 END END AS visits,
       CASE WHEN other.agency OR coalesce(p.reported_cy, 0) <= 50000 OR upper(p.type_of_assessment) = 'LOW RISK ASSUMED' OR coalesce(e.scheduled_audit, false)
            THEN 0 ELSE 1 END AS spot_checks,
       CASE WHEN other.agency THEN 0 ELSE coalesce(e.scheduled_audit::int, 0) + coalesce(e.special_audit::int, 0) END AS audits
  FROM registry.partner_organization p
  JOIN registry.organization o ON o.id = p.organization_id
  LEFT JOIN registry.planned_engagement e ON e.partner_id = p.id
  CROSS JOIN LATERAL (SELECT coalesce(o.organization_type IN ('Bilateral / Multilateral', 'UN Agency'), false) AS agency) other
  CROSS JOIN LATERAL (SELECT CASE upper(coalesce(nullif(p.highest_risk_rating_name, ''), p.rating))
                             WHEN 'HIGH' THEN 'High' WHEN 'HIGH RISK ASSUMED' THEN 'High' WHEN 'SIGNIFICANT' THEN 'Significant'
                             WHEN 'MEDIUM' THEN 'Medium' WHEN 'MODERATE' THEN 'Medium'
                             WHEN 'LOW' THEN 'Low' WHEN 'LOW RISK ASSUMED' THEN 'Low' ELSE 'Not Required' END AS risk) r;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON ALL TABLES IN SCHEMA registry TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA registry TO drumbeat_work;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA registry TO drumbeat_work;
    END IF;
END $$;
