-- What comes from VISION: organizations, what each country knows of them as partners, reserved funds. Tables that the platform keeps once
-- a country have country_id in their keys.

CREATE TABLE registry.organization (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vendor_number     varchar(30) NOT NULL UNIQUE CHECK (vendor_number <> ''),
    name              varchar(255) NOT NULL,
    short_name        varchar(50),
    organization_type varchar(50),
    cso_type          varchar(50),
    parent_id         bigint REFERENCES registry.organization,
    other             jsonb NOT NULL DEFAULT '{}',
    UNIQUE (name, vendor_number)
);

CREATE TABLE registry.partner_organization (
    id                           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id              bigint NOT NULL REFERENCES registry.organization,
    country_id                   bigint NOT NULL REFERENCES registry.workspace,
    rating                       varchar(50),
    type_of_assessment           varchar(50),
    last_assessment_date         date,
    core_values_assessment_date  date,
    address                      text,
    city                         varchar(64),
    postal_code                  varchar(32),
    country                      varchar(64),
    phone_number                 varchar(64),
    email                        varchar(255),
    vision_synced                boolean NOT NULL DEFAULT false,
    blocked                      boolean NOT NULL DEFAULT false,
    deleted_flag                 boolean NOT NULL DEFAULT false,
    manually_blocked             boolean NOT NULL DEFAULT false,
    hidden                       boolean NOT NULL DEFAULT false,
    total_ct_cp                  numeric(20,2),
    total_ct_cy                  numeric(20,2),
    net_ct_cy                    numeric(20,2),
    reported_cy                  numeric(20,2),
    total_ct_ytd                 numeric(20,2),
    outstanding_dct_amount_6_to_9_months_usd        numeric(20,2),
    outstanding_dct_amount_more_than_9_months_usd   numeric(20,2),
    basis_for_risk_rating        varchar(50) NOT NULL DEFAULT '',
    psea_assessment_date         timestamptz,
    sea_risk_rating_name         varchar(150),
    highest_risk_rating_type     varchar(150),
    highest_risk_rating_name     varchar(150),
    hact_values                  jsonb NOT NULL DEFAULT '{}',
    UNIQUE (organization_id, country_id)
);
CREATE INDEX partner_organization_country ON registry.partner_organization (country_id);

CREATE TABLE registry.core_values_assessment (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_id bigint NOT NULL REFERENCES registry.partner_organization ON DELETE CASCADE,
    date       date,
    archived   boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX core_values_assessment_current ON registry.core_values_assessment (partner_id) WHERE NOT archived;

-- The year's plan of assurance activities: people fill it in, a new partner begins with none.
CREATE TABLE registry.planned_engagement (
    id                           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner_id                   bigint NOT NULL UNIQUE REFERENCES registry.partner_organization ON DELETE CASCADE,
    spot_check_planned_q1        integer NOT NULL DEFAULT 0,
    spot_check_planned_q2        integer NOT NULL DEFAULT 0,
    spot_check_planned_q3        integer NOT NULL DEFAULT 0,
    spot_check_planned_q4        integer NOT NULL DEFAULT 0,
    scheduled_audit              boolean NOT NULL DEFAULT false,
    special_audit                boolean NOT NULL DEFAULT false
);

CREATE TABLE registry.fr_header (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id            bigint NOT NULL REFERENCES registry.workspace,
    fr_number             varchar(20) NOT NULL,
    vendor_code           varchar(20) NOT NULL,
    document_date         date,
    fr_type               varchar(50),
    currency              varchar(50),
    document_text         varchar(255),
    intervention_amt      numeric(20,2) NOT NULL DEFAULT 0,
    total_amt             numeric(20,2) NOT NULL DEFAULT 0,   -- the sum of its items, and so is total_amt_local
    total_amt_local       numeric(20,2) NOT NULL DEFAULT 0,
    actual_amt            numeric(20,2) NOT NULL DEFAULT 0,
    actual_amt_local      numeric(20,2) NOT NULL DEFAULT 0,
    outstanding_amt       numeric(20,2) NOT NULL DEFAULT 0,
    outstanding_amt_local numeric(20,2) NOT NULL DEFAULT 0,
    start_date            date,
    end_date              date,
    multi_curr_flag       boolean NOT NULL DEFAULT false,
    completed_flag        boolean NOT NULL DEFAULT false,
    delegated             boolean NOT NULL DEFAULT false,
    intervention_id       bigint,
    UNIQUE (fr_number, country_id)
);

CREATE TABLE registry.fr_item (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fund_reservation_id bigint NOT NULL REFERENCES registry.fr_header ON DELETE CASCADE,
    line_item           smallint NOT NULL,
    fr_ref_number       varchar(30) NOT NULL,
    wbs                 varchar(30),
    donor               varchar(256),
    donor_code          varchar(30),
    grant_number        varchar(20),
    fund                varchar(10),
    overall_amount      numeric(20,2) NOT NULL DEFAULT 0,
    overall_amount_dc   numeric(20,2) NOT NULL DEFAULT 0,
    due_date            date,
    line_item_text      varchar(255),
    UNIQUE (fund_reservation_id, line_item)
);

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
