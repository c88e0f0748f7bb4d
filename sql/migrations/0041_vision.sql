-- What comes from VISION: organizations, what each country knows of them as partners, reserved and committed funds, the results of its
-- programmes with their indicators, face forms and work plans. Tables that the platform keeps once a country have country_id in their keys.

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

CREATE TABLE registry.fc_header (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id         bigint NOT NULL REFERENCES registry.workspace,
    fc_number          varchar(20) NOT NULL,
    vendor_code        varchar(20) NOT NULL,
    document_date      date,
    fc_type            varchar(50),
    currency           varchar(50),
    document_text      varchar(255),
    exchange_rate      varchar(20),
    responsible_person varchar(100),
    UNIQUE (fc_number, country_id)
);

CREATE TABLE registry.fc_item (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fund_commitment_id   bigint NOT NULL REFERENCES registry.fc_header ON DELETE CASCADE,
    line_item            smallint NOT NULL,
    fc_ref_number        varchar(30) NOT NULL,
    fr_number            varchar(20),
    wbs                  varchar(30),
    grant_number         varchar(20),
    fund                 varchar(10),
    gl_account           varchar(20),
    due_date             date,
    commitment_amount    numeric(20,2) NOT NULL DEFAULT 0,
    commitment_amount_dc numeric(20,2) NOT NULL DEFAULT 0,
    amount_changed       numeric(20,2) NOT NULL DEFAULT 0,
    line_item_text       varchar(255),
    UNIQUE (fund_commitment_id, line_item)
);

CREATE TABLE registry.country_programme (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id bigint NOT NULL REFERENCES registry.workspace,
    wbs        varchar(30) NOT NULL,
    name       varchar(150) NOT NULL,
    from_date  date NOT NULL,
    to_date    date NOT NULL,
    invalid    boolean NOT NULL DEFAULT false,
    UNIQUE (wbs, country_id)
);

-- A WBS says where it belongs: 2490/A0/06 is a programme, 2490/A0/06/103 an outcome, …/008 an output, …/001 an activity.
CREATE TABLE registry.result (
    id                       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id               bigint NOT NULL REFERENCES registry.workspace,
    wbs                      varchar(50) NOT NULL,
    country_programme_id     bigint REFERENCES registry.country_programme,
    result_type              varchar(20) NOT NULL CHECK (result_type IN ('Outcome', 'Output', 'Activity')),
    parent_id                bigint REFERENCES registry.result,
    name                     text NOT NULL,
    code                     varchar(50),
    from_date                date,
    to_date                  date,
    sic_code                 varchar(50),
    sic_name                 varchar(255),
    gic_code                 varchar(50),
    gic_name                 varchar(255),
    programme_area_code      varchar(50),
    programme_area_name      varchar(255),
    humanitarian_tag         boolean NOT NULL DEFAULT false,
    humanitarian_marker_code varchar(255),
    humanitarian_marker_name varchar(255),
    UNIQUE (wbs, country_id),
    UNIQUE (wbs, country_programme_id)
);
CREATE INDEX result_country ON registry.result (country_id);

CREATE TABLE registry.indicator (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id    bigint NOT NULL REFERENCES registry.workspace,
    code          varchar(50) NOT NULL,
    name          varchar(1024) NOT NULL,
    target        varchar(255),
    baseline      varchar(255),
    ram_indicator boolean NOT NULL DEFAULT false,
    active        boolean NOT NULL DEFAULT true,
    result_id     bigint REFERENCES registry.result,
    UNIQUE (code, country_id)
);
CREATE INDEX indicator_country ON registry.indicator (country_id) WHERE ram_indicator AND active;

CREATE TABLE registry.face_form (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id          bigint NOT NULL REFERENCES registry.workspace,
    face_number         varchar(50) NOT NULL,
    partner_id          bigint NOT NULL REFERENCES registry.partner_organization,
    start_date          date,
    end_date            date,
    date_of_liquidation date,
    modality            varchar(50),
    currency            varchar(50),
    amount_local        numeric(20,2) NOT NULL DEFAULT 0,   -- the sums of its transactions
    amount_usd          numeric(20,2) NOT NULL DEFAULT 0,
    UNIQUE (face_number, country_id)
);

CREATE TABLE registry.ewp_workplan (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id           bigint NOT NULL REFERENCES registry.workspace,
    wbs                  varchar(50) NOT NULL,   -- WP_GID
    ewp_id               varchar(50) NOT NULL,
    name                 varchar(500) NOT NULL,
    status               varchar(50),
    cost_center_code     varchar(50),
    cost_center_name     varchar(255),
    category_type        varchar(50),
    plan_type            varchar(50),
    country_programme_id bigint REFERENCES registry.country_programme,
    UNIQUE (wbs, country_id)
);

CREATE TABLE registry.ewp_activity (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country_id   bigint NOT NULL REFERENCES registry.workspace,
    wbs          varchar(50) NOT NULL,   -- WPA_GID
    workplan_id  bigint NOT NULL REFERENCES registry.ewp_workplan ON DELETE CASCADE,
    result_id    bigint NOT NULL REFERENCES registry.result,   -- the activity of the programme that it carries out
    wpa_id       varchar(50) NOT NULL,
    title        varchar(500) NOT NULL,
    description  text,
    start_date   date,
    end_date     date,
    total_budget numeric(20,2),
    UNIQUE (wbs, country_id)
);

CREATE TABLE registry.ewp_activity_location (
    ewp_activity_id bigint NOT NULL REFERENCES registry.ewp_activity ON DELETE CASCADE,
    location_id     bigint NOT NULL REFERENCES registry.location,
    PRIMARY KEY (ewp_activity_id, location_id)
);
CREATE INDEX ewp_activity_location_location ON registry.ewp_activity_location (location_id);

CREATE TABLE registry.ewp_activity_partner (
    ewp_activity_id bigint NOT NULL REFERENCES registry.ewp_activity ON DELETE CASCADE,
    partner_id      bigint NOT NULL REFERENCES registry.partner_organization,
    PRIMARY KEY (ewp_activity_id, partner_id)
);
CREATE INDEX ewp_activity_partner_partner ON registry.ewp_activity_partner (partner_id);

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
