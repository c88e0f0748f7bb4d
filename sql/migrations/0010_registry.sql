-- Schema registry: what the syncs write and the platform reads. Names follow the registry of the upstream portal; remote ids
-- are text, money is numeric(20,2), dates are dates.
--
-- `origin` and `origin_at` of a row that several records describe (a partner, a person, a section, a place) say whose word it
-- holds: the newer word wins, a tie goes to the greater name, so that records which disagree do not overwrite each other
-- on every run.
CREATE SCHEMA registry;

-- Shared ------------------------------------------------------------------------------------------------------------------

CREATE TABLE registry.workspace (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id           text,
    title                 varchar(255) NOT NULL,
    workspace_code        varchar(8) NOT NULL UNIQUE,
    business_area_code    varchar(10),
    iso3_code             varchar(10),
    country_short_code    varchar(10),
    latitude              numeric(8,5),
    longitude             numeric(8,5),
    initial_zoom          integer NOT NULL DEFAULT 8,
    local_currency_code   varchar(16),
    vision_sync_enabled   boolean NOT NULL DEFAULT true,
    vision_last_synced    timestamptz,
    is_active             boolean NOT NULL DEFAULT true   -- listed by the last complete pull
);
CREATE INDEX workspace_business_area ON registry.workspace (business_area_code);

-- One row a run of a sync for one workspace; insert-only, but for a document on its way, of which it is told how it went.
CREATE TABLE registry.sync_log (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handler_name       varchar(50) NOT NULL,
    business_area_code varchar(10),
    country_id         bigint REFERENCES registry.workspace,
    total_records      integer NOT NULL DEFAULT 0,
    total_processed    integer NOT NULL DEFAULT 0,
    successful         boolean NOT NULL,
    details            varchar(2048),
    exception_message  text,
    date_processed     timestamptz NOT NULL DEFAULT clock_timestamp(),
    data               jsonb NOT NULL DEFAULT '{}',
    task_id            uuid,
    fetched            integer NOT NULL DEFAULT 0,
    created            integer NOT NULL DEFAULT 0,
    updated            integer NOT NULL DEFAULT 0,
    unchanged          integer NOT NULL DEFAULT 0,
    skipped            integer NOT NULL DEFAULT 0,
    deactivated        integer NOT NULL DEFAULT 0,
    failed             integer NOT NULL DEFAULT 0
);
CREATE INDEX sync_log_handler ON registry.sync_log (handler_name, date_processed);
CREATE INDEX sync_log_task ON registry.sync_log (task_id);

-- How far each sync has come: what changed upstream before `watermark` is here, as far as `upstream` goes.
CREATE TABLE registry.sync_state (
    handler_name varchar(50) NOT NULL,
    workspace_id bigint NOT NULL REFERENCES registry.workspace,
    upstream     text NOT NULL,
    watermark    timestamptz,   -- NULL: pull everything
    full_at      timestamptz,   -- when everything was last pulled
    PRIMARY KEY (handler_name, workspace_id)
);

CREATE TABLE registry.bulk_action_log (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id        bigint,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    affected_count integer NOT NULL DEFAULT 0,
    model_name     varchar(255),
    app_label      varchar(255),
    affected_ids   jsonb NOT NULL DEFAULT '[]',
    task_id        uuid UNIQUE
);

-- Locations ---------------------------------------------------------------------------------------------------------------

-- geom and point are GeoJSON.
CREATE TABLE registry.location (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id      text,
    external_source  varchar(32),
    name             varchar(254) NOT NULL,
    p_code           varchar(32) NOT NULL,
    admin_level      smallint NOT NULL,
    admin_level_name varchar(64),
    parent_id        bigint REFERENCES registry.location,
    parent_p_code    varchar(32),   -- as it was told; parent_id follows once that place is known
    is_active        boolean NOT NULL DEFAULT true,
    geom             jsonb,
    point            jsonb,
    latitude         double precision,
    longitude        double precision,
    created          timestamptz NOT NULL DEFAULT clock_timestamp(),
    modified         timestamptz NOT NULL DEFAULT clock_timestamp(),
    origin           text NOT NULL DEFAULT '',
    origin_at        timestamptz NOT NULL DEFAULT '-infinity',
    UNIQUE (name, p_code, admin_level)
);
CREATE INDEX location_p_code ON registry.location (p_code);
CREATE INDEX location_parent_p_code ON registry.location (parent_p_code) WHERE parent_id IS NULL;
CREATE INDEX location_parent ON registry.location (parent_id);

CREATE TABLE registry.location_workspace (
    location_id  bigint NOT NULL REFERENCES registry.location ON DELETE CASCADE,
    workspace_id bigint NOT NULL REFERENCES registry.workspace,
    PRIMARY KEY (location_id, workspace_id)
);
CREATE INDEX location_workspace_workspace ON registry.location_workspace (workspace_id);

-- Partners ----------------------------------------------------------------------------------------------------------------

-- What a partner is known by: its number as a vendor, or, where it has none, its id in one country. NULL: by nothing, somebody has made it here.
CREATE FUNCTION registry.partner_key(vendor_number text, external_source text, external_id text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce('vendor ' || vendor_number, external_source || ' ' || external_id)
$$;

CREATE TABLE registry.partner (
    id                          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title                       varchar(255) NOT NULL,
    short_title                 varchar(50),
    alternate_title             varchar(255),
    partner_type                varchar(3) CHECK (partner_type IN ('B/M', 'CSO', 'Gov', 'UNA')),
    shared_partner              varchar(64),
    cso_type                    varchar(3) CHECK (cso_type IN ('Int', 'Nat', 'CBO', 'Aca', 'Red')),
    email                       varchar(255),
    phone_number                varchar(64),
    last_assessment_date        date,
    core_values_assessment_date date,
    street_address              varchar(512),
    address                     varchar(512),
    city                        varchar(64),
    postal_code                 varchar(32),
    country                     varchar(64),
    country_code                varchar(2),
    total_ct_cp                 numeric(20,2),
    total_ct_cy                 numeric(20,2),
    vendor_number               varchar(30) UNIQUE CHECK (vendor_number <> ''),
    rating                      varchar(50),
    basis_for_risk_rating       varchar(80),
    type_of_assessment          varchar(50),
    sea_risk_rating_name        varchar(150),
    psea_assessment_date        timestamptz,
    highest_risk_rating_type    varchar(150),
    highest_risk_rating_name    varchar(150),
    overall_risk_rating         varchar(50),
    ocha_external_id            varchar(128) UNIQUE,
    external_id                 text,
    external_source             varchar(32),
    is_active                   boolean NOT NULL DEFAULT true,   -- no list it was once in has lost it, or some list has it
    origin                      text NOT NULL DEFAULT '',
    origin_at                   timestamptz NOT NULL DEFAULT '-infinity',
    known_by                    text UNIQUE GENERATED ALWAYS AS (registry.partner_key(vendor_number, external_source, external_id)) STORED,
    UNIQUE (title, vendor_number)
);

-- Which workspace's list of partners has, or had, a partner.
CREATE TABLE registry.partner_workspace (
    partner_id   bigint NOT NULL REFERENCES registry.partner ON DELETE CASCADE,
    workspace_id bigint NOT NULL REFERENCES registry.workspace,
    is_active    boolean NOT NULL DEFAULT true,
    PRIMARY KEY (partner_id, workspace_id)
);
CREATE INDEX partner_workspace_workspace ON registry.partner_workspace (workspace_id);

CREATE TABLE registry.realm (
    user_id      bigint NOT NULL,
    workspace_id bigint NOT NULL REFERENCES registry.workspace,
    partner_id   bigint NOT NULL REFERENCES registry.partner,
    group_id     bigint NOT NULL,
    is_active    boolean NOT NULL DEFAULT true,
    UNIQUE (user_id, workspace_id, partner_id, group_id)
);

-- Programme documents -----------------------------------------------------------------------------------------------------

-- Programme and government documents count their ids apart, hence `government` in the key.
CREATE TABLE registry.programme_document (
    id                              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id                     text NOT NULL,
    external_business_area_code     varchar(32) NOT NULL,
    workspace_id                    bigint NOT NULL REFERENCES registry.workspace,
    government                      boolean NOT NULL DEFAULT false,
    partner_id                      bigint REFERENCES registry.partner,
    agreement                       varchar(255),
    document_type                   varchar(4) NOT NULL,
    reference_number                varchar(255) NOT NULL,
    title                           varchar(512) NOT NULL,
    unicef_office                   text NOT NULL DEFAULT 'N/A',
    start_date                      date NOT NULL,
    end_date                        date NOT NULL,
    status                          varchar(32) NOT NULL,
    contributing_to_cluster         boolean NOT NULL DEFAULT false,
    frequency                       varchar(3),
    budget                          numeric(20,2),   -- cso_contribution + total_unicef_cash + in_kind_amount
    budget_currency                 varchar(16),     -- NULL when those are in different currencies
    cso_contribution                numeric(20,2),
    cso_contribution_currency       varchar(16),
    total_unicef_budget             numeric(20,2),
    total_unicef_budget_currency    varchar(16),
    total_unicef_cash               numeric(20,2),
    total_unicef_cash_currency      varchar(16),
    in_kind_amount                  numeric(20,2),
    in_kind_amount_currency         varchar(16),
    funds_received_to_date          numeric(20,2),
    funds_received_to_date_currency varchar(16),
    funds_received_to_date_percent  numeric(20,2),   -- -1: the funds are in several currencies
    amendments                      jsonb NOT NULL DEFAULT '[]',
    has_signed_document             boolean NOT NULL DEFAULT false,
    external_updated_at             timestamptz,
    is_active                       boolean NOT NULL DEFAULT true,   -- the last complete pull had it
    UNIQUE (external_id, external_business_area_code, workspace_id, government)
);
CREATE INDEX programme_document_workspace ON registry.programme_document (workspace_id);
CREATE INDEX programme_document_partner ON registry.programme_document (partner_id);
CREATE INDEX programme_document_reference ON registry.programme_document (reference_number);
CREATE INDEX programme_document_title ON registry.programme_document (title);

CREATE TABLE registry.programme_document_location (
    programme_document_id bigint NOT NULL REFERENCES registry.programme_document ON DELETE CASCADE,
    location_id           bigint NOT NULL REFERENCES registry.location,
    PRIMARY KEY (programme_document_id, location_id)
);
CREATE INDEX programme_document_location_location ON registry.programme_document_location (location_id);

CREATE TABLE registry.person (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id  text,
    name         varchar(128),
    title        varchar(255),
    phone_number varchar(64),
    email        varchar(255) NOT NULL UNIQUE CHECK (email = lower(email)),
    active       boolean NOT NULL DEFAULT true,   -- some document names the person as active
    origin       text NOT NULL DEFAULT '',
    origin_at    timestamptz NOT NULL DEFAULT '-infinity'
);

-- Who stands in a document as what, a table for each role. A person whom it no longer names, or names as inactive, keeps an inactive row.
CREATE TABLE registry.programme_document_person (
    role                  text NOT NULL,
    programme_document_id bigint NOT NULL REFERENCES registry.programme_document ON DELETE CASCADE,
    person_id             bigint NOT NULL REFERENCES registry.person,
    active                boolean NOT NULL DEFAULT true,
    PRIMARY KEY (programme_document_id, person_id, role)
) PARTITION BY LIST (role);
CREATE INDEX programme_document_person_person ON registry.programme_document_person (person_id);
CREATE TABLE registry.programme_document_unicef_focal_point PARTITION OF registry.programme_document_person (role DEFAULT 'unicef_focal_point')
    FOR VALUES IN ('unicef_focal_point');
CREATE TABLE registry.programme_document_partner_focal_point PARTITION OF registry.programme_document_person (role DEFAULT 'partner_focal_point')
    FOR VALUES IN ('partner_focal_point');
CREATE TABLE registry.programme_document_auth_officer PARTITION OF registry.programme_document_person (role DEFAULT 'auth_officer')
    FOR VALUES IN ('auth_officer');

CREATE TABLE registry.section (
    id                          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id                 text NOT NULL,
    external_business_area_code varchar(32) NOT NULL,
    name                        varchar(255) NOT NULL,
    origin                      text NOT NULL DEFAULT '',
    origin_at                   timestamptz NOT NULL DEFAULT '-infinity',
    UNIQUE (external_id, external_business_area_code)
);

CREATE TABLE registry.programme_document_section (
    programme_document_id bigint NOT NULL REFERENCES registry.programme_document ON DELETE CASCADE,
    section_id            bigint NOT NULL REFERENCES registry.section,
    PRIMARY KEY (programme_document_id, section_id)
);
CREATE INDEX programme_document_section_section ON registry.programme_document_section (section_id);

CREATE TABLE registry.reporting_period (
    id                          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id                 text NOT NULL,
    external_business_area_code varchar(32) NOT NULL,
    report_type                 varchar(3) NOT NULL CHECK (report_type IN ('QPR', 'HR', 'SR')),
    start_date                  date,
    end_date                    date,
    due_date                    date,
    programme_document_id       bigint NOT NULL REFERENCES registry.programme_document ON DELETE CASCADE,
    description                 varchar(512),
    UNIQUE (external_id, external_business_area_code, report_type, programme_document_id)
);
CREATE INDEX reporting_period_document ON registry.reporting_period (programme_document_id);

-- Results and indicators --------------------------------------------------------------------------------------------------

CREATE TABLE registry.pd_result_link (
    id                          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id                 text NOT NULL,
    external_business_area_code varchar(32) NOT NULL,
    external_cp_output_id       bigint NOT NULL,
    title                       varchar(512) NOT NULL,
    programme_document_id       bigint NOT NULL REFERENCES registry.programme_document ON DELETE CASCADE,
    UNIQUE (external_id, external_business_area_code, external_cp_output_id, programme_document_id)
);
CREATE INDEX pd_result_link_document ON registry.pd_result_link (programme_document_id);

CREATE TABLE registry.lower_level_output (
    id                          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id                 text NOT NULL,
    external_business_area_code varchar(32) NOT NULL,
    title                       varchar(512) NOT NULL,
    cp_output_id                bigint NOT NULL REFERENCES registry.pd_result_link ON DELETE CASCADE,
    active                      boolean NOT NULL DEFAULT true,
    UNIQUE (external_id, external_business_area_code, cp_output_id)
);
CREATE INDEX lower_level_output_link ON registry.lower_level_output (cp_output_id);

-- external_source is the scope in which external_id is unique: a document, "pmp:PH:3420:214", for what PMP
-- sends.
CREATE TABLE registry.indicator_blueprint (
    id                                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id                          text,
    external_source                      text,
    title                                varchar(255) NOT NULL,
    unit                                 varchar(10) NOT NULL CHECK (unit IN ('number', 'percentage')),
    display_type                         varchar(10) NOT NULL DEFAULT 'number',
    calculation_formula_across_periods   varchar(10) NOT NULL DEFAULT 'sum' CHECK (calculation_formula_across_periods IN ('sum', 'max', 'avg', 'latest')),
    calculation_formula_across_locations varchar(10) NOT NULL DEFAULT 'sum' CHECK (calculation_formula_across_locations IN ('sum', 'max', 'avg', 'latest')),
    disaggregatable                      boolean NOT NULL DEFAULT true,
    code                                 varchar(50) UNIQUE,
    UNIQUE (external_source, external_id)
);

CREATE TABLE registry.reportable (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id            text,
    external_source        text,
    content_type           varchar(64) NOT NULL,   -- the table object_id is a row of: 'lower_level_output', …
    object_id              bigint NOT NULL,
    blueprint_id           bigint REFERENCES registry.indicator_blueprint,
    target                 jsonb NOT NULL DEFAULT '{"d": 1, "v": 0}',
    baseline               jsonb NOT NULL DEFAULT '{"d": 1, "v": 0}',
    in_need                jsonb,
    total                  jsonb NOT NULL DEFAULT '{"c": 0, "d": 1, "v": 0}',
    means_of_verification  varchar(255),
    numerator_label        varchar(256),
    denominator_label      varchar(256),
    is_unicef_hf_indicator boolean NOT NULL DEFAULT false,
    cluster_indicator_id   text,
    frequency              varchar(3),            -- of cluster indicators: Wee, Mon, Qua, Csd (the days in cs_dates); none: Mon
    cs_dates               date[] NOT NULL DEFAULT '{}',
    start_date_of_reporting_period date,
    active                 boolean NOT NULL DEFAULT true,
    UNIQUE (external_source, external_id)
);
CREATE INDEX reportable_object ON registry.reportable (content_type, object_id);
CREATE INDEX reportable_blueprint ON registry.reportable (blueprint_id);

CREATE TABLE registry.reportable_location_goal (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reportable_id bigint NOT NULL REFERENCES registry.reportable ON DELETE CASCADE,
    location_id   bigint NOT NULL REFERENCES registry.location,
    target        jsonb,
    baseline      jsonb,
    in_need       jsonb,
    is_active     boolean NOT NULL DEFAULT true,
    UNIQUE (reportable_id, location_id)
);
CREATE INDEX reportable_location_goal_location ON registry.reportable_location_goal (location_id);

-- A disaggregation belongs to a response plan, or else to a workspace.
CREATE TABLE registry.disaggregation (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             varchar(255) NOT NULL,
    response_plan_id bigint,
    workspace_id     bigint REFERENCES registry.workspace,
    active           boolean NOT NULL DEFAULT true,
    UNIQUE (name, response_plan_id)
);
CREATE UNIQUE INDEX disaggregation_workspace_name ON registry.disaggregation (workspace_id, name) WHERE response_plan_id IS NULL;

CREATE TABLE registry.disaggregation_value (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    disaggregation_id bigint NOT NULL REFERENCES registry.disaggregation ON DELETE CASCADE,
    value             varchar(128) NOT NULL,
    active            boolean NOT NULL DEFAULT true,
    UNIQUE (disaggregation_id, value)
);

CREATE TABLE registry.reportable_disaggregation (
    reportable_id     bigint NOT NULL REFERENCES registry.reportable ON DELETE CASCADE,
    disaggregation_id bigint NOT NULL REFERENCES registry.disaggregation,
    PRIMARY KEY (reportable_id, disaggregation_id)
);
CREATE INDEX reportable_disaggregation_disaggregation ON registry.reportable_disaggregation (disaggregation_id);

-- Reports -----------------------------------------------------------------------------------------------------------------

CREATE TABLE registry.progress_report (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    programme_document_id bigint NOT NULL REFERENCES registry.programme_document ON DELETE CASCADE,
    report_type           varchar(3) NOT NULL CHECK (report_type IN ('QPR', 'HR', 'SR')),
    report_number         integer NOT NULL,
    start_date            date,
    end_date              date,
    due_date              date NOT NULL,
    submission_date       date,
    review_date           date,
    status                varchar(3) NOT NULL DEFAULT 'Due' CHECK (status IN ('Due', 'Ove', 'Not', 'Sub', 'Sen', 'Acc')),
    is_final              boolean NOT NULL DEFAULT false,
    narrative             varchar(2048),
    UNIQUE (programme_document_id, report_type, report_number) DEFERRABLE   -- checked once a statement: they are numbered anew together
);

CREATE TABLE registry.indicator_report (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reportable_id      bigint NOT NULL REFERENCES registry.reportable ON DELETE CASCADE,
    progress_report_id bigint REFERENCES registry.progress_report ON DELETE CASCADE,
    title              varchar(2048) NOT NULL,
    time_period_start  date NOT NULL,
    time_period_end    date NOT NULL,
    due_date           date,
    submission_date    date,
    report_status      varchar(3) NOT NULL DEFAULT 'Due',
    overall_status     varchar(3) NOT NULL DEFAULT 'NoS',
    total              jsonb NOT NULL DEFAULT '{"c": 0, "d": 0, "v": 0}'
);
CREATE INDEX indicator_report_reportable ON registry.indicator_report (reportable_id);
CREATE INDEX indicator_report_progress_report ON registry.indicator_report (progress_report_id);

CREATE TABLE registry.indicator_location_data (
    id                         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    indicator_report_id        bigint NOT NULL REFERENCES registry.indicator_report ON DELETE CASCADE,
    location_id                bigint NOT NULL REFERENCES registry.location,
    disaggregation             jsonb NOT NULL DEFAULT '{}',
    num_disaggregation         integer NOT NULL DEFAULT 0,
    level_reported             integer NOT NULL DEFAULT 0,
    disaggregation_reported_on integer[] NOT NULL DEFAULT '{}'
);
CREATE INDEX indicator_location_data_report ON registry.indicator_location_data (indicator_report_id);

-- The roles of the schema drumbeat, as far as they exist.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT USAGE ON SCHEMA registry TO drumbeat_read;
        GRANT SELECT ON ALL TABLES IN SCHEMA registry TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT USAGE ON SCHEMA registry TO drumbeat_work;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA registry TO drumbeat_work;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA registry TO drumbeat_work;
    END IF;
END $$;
