-- What comes from OCHA's HPC service: response plans with their clusters, objectives and activities, projects of partners, flows of money.
-- Rows that come from there have external_source 'HPC' and its ids in external_id.

-- Until when an upstream that limits its callers must not be asked again, for all workers together: pace.sql.
CREATE TABLE registry.pace (
    name    text PRIMARY KEY,
    next_at timestamptz NOT NULL
);

ALTER TABLE registry.indicator_blueprint ALTER COLUMN title TYPE varchar(2048);

CREATE UNIQUE INDEX location_hpc ON registry.location (external_id) WHERE external_source = 'HPC';

CREATE TABLE registry.response_plan (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id     text,
    external_source varchar(32),
    title           varchar(255) NOT NULL,
    plan_type       varchar(5) NOT NULL DEFAULT 'HRP' CHECK (plan_type IN ('HRP', 'FA', 'OTHER')),
    start           date,
    "end"           date,
    workspace_id    bigint REFERENCES registry.workspace,
    UNIQUE (title, plan_type, workspace_id),
    UNIQUE (external_source, external_id)
);
ALTER TABLE registry.disaggregation ADD FOREIGN KEY (response_plan_id) REFERENCES registry.response_plan;

CREATE TABLE registry.cluster (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type             varchar(32) NOT NULL,
    imported_type    varchar(1024),
    response_plan_id bigint NOT NULL REFERENCES registry.response_plan ON DELETE CASCADE,
    external_id      text,
    external_source  varchar(32),
    UNIQUE (type, imported_type, response_plan_id) DEFERRABLE,   -- checked once a statement: two may exchange their names
    UNIQUE (external_source, external_id)
);
CREATE INDEX cluster_plan ON registry.cluster (response_plan_id);

CREATE TABLE registry.cluster_objective (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id     text,
    external_source varchar(32),
    title           varchar(2048) NOT NULL,
    cluster_id      bigint NOT NULL REFERENCES registry.cluster ON DELETE CASCADE,
    UNIQUE (external_source, external_id)
);
CREATE INDEX cluster_objective_cluster ON registry.cluster_objective (cluster_id);

CREATE TABLE registry.cluster_activity (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id          text,
    external_source      varchar(32),
    title                varchar(2048) NOT NULL,
    cluster_objective_id bigint NOT NULL REFERENCES registry.cluster_objective ON DELETE CASCADE,
    UNIQUE (external_source, external_id)
);
CREATE INDEX cluster_activity_objective ON registry.cluster_activity (cluster_objective_id);

CREATE TABLE registry.partner_project (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id            text,
    external_source        varchar(32),
    code                   text UNIQUE,
    title                  varchar(1024) NOT NULL,
    description            varchar(5120),
    start_date             date,
    end_date               date,
    status                 varchar(3) CHECK (status IN ('Ong', 'Pla', 'Com')),
    requested_funds        numeric(20,2),
    total_budget           numeric(20,2),   -- what its flows sum up to; without flows what was requested
    funding_source         varchar(2048),
    additional_information varchar(255),
    partner_id             bigint REFERENCES registry.partner,
    UNIQUE (external_source, external_id)
);
CREATE INDEX partner_project_partner ON registry.partner_project (partner_id);

CREATE TABLE registry.partner_project_cluster (
    partner_project_id bigint NOT NULL REFERENCES registry.partner_project ON DELETE CASCADE,
    cluster_id         bigint NOT NULL REFERENCES registry.cluster ON DELETE CASCADE,
    PRIMARY KEY (partner_project_id, cluster_id)
);
CREATE INDEX partner_project_cluster_cluster ON registry.partner_project_cluster (cluster_id);

CREATE TABLE registry.partner_project_location (
    partner_project_id bigint NOT NULL REFERENCES registry.partner_project ON DELETE CASCADE,
    location_id        bigint NOT NULL REFERENCES registry.location,
    PRIMARY KEY (partner_project_id, location_id)
);
CREATE INDEX partner_project_location_location ON registry.partner_project_location (location_id);

CREATE TABLE registry.partner_activity (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title                varchar(2048) NOT NULL,
    partner_id           bigint REFERENCES registry.partner,
    cluster_activity_id  bigint REFERENCES registry.cluster_activity ON DELETE CASCADE,
    cluster_objective_id bigint REFERENCES registry.cluster_objective ON DELETE CASCADE
);
CREATE UNIQUE INDEX partner_activity_of_activity ON registry.partner_activity (cluster_activity_id, coalesce(partner_id, 0))
 WHERE cluster_activity_id IS NOT NULL;
CREATE INDEX partner_activity_partner ON registry.partner_activity (partner_id);
CREATE INDEX partner_activity_objective ON registry.partner_activity (cluster_objective_id);

CREATE TABLE registry.activity_project_context (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id  bigint NOT NULL REFERENCES registry.partner_project ON DELETE CASCADE,
    activity_id bigint NOT NULL REFERENCES registry.partner_activity ON DELETE CASCADE,
    start_date  date,
    end_date    date,
    status      varchar(3) CHECK (status IN ('Ong', 'Pla', 'Com')),
    UNIQUE (project_id, activity_id)
);
CREATE INDEX activity_project_context_activity ON registry.activity_project_context (activity_id);

-- Flows as the Financial Tracking Service lists them. The project is the first that a flow goes to, the organizations are those it comes from.
CREATE TABLE registry.fts_flow (
    id                            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id                   text NOT NULL UNIQUE,
    amount_usd                    numeric(20,2) NOT NULL,
    original_amount               numeric(20,2),
    original_currency             varchar(16),
    exchange_rate                 numeric,
    budget_year                   varchar(32),
    contribution_type             varchar(255),
    flow_type                     varchar(255),
    method                        varchar(255),
    status                        varchar(255),
    boundary                      varchar(255),
    new_money                     boolean,
    flow_date                     date,
    decision_date                 date,
    first_reported_date           date,
    description                   text,
    ref_code                      varchar(255),
    parent_flow_id                text,
    version_id                    text,
    external_updated_at           timestamptz,
    child_flow_ids                jsonb,
    keywords                      jsonb,
    grand_bargain_earmarking_type jsonb,
    source_objects                jsonb NOT NULL DEFAULT '[]',
    destination_objects           jsonb NOT NULL DEFAULT '[]',
    report_details                jsonb,
    project_external_id           text,
    project_code                  text,
    organizations                 text,
    is_active                     boolean NOT NULL DEFAULT true   -- some list still has it
);
CREATE INDEX fts_flow_project ON registry.fts_flow (project_external_id) WHERE is_active;
CREATE INDEX fts_flow_project_code ON registry.fts_flow (project_code) WHERE is_active;

-- Which lists a flow stands in: 'plan:474', 'project:154060'.
CREATE TABLE registry.fts_flow_list (
    list    text NOT NULL,
    flow_id bigint NOT NULL REFERENCES registry.fts_flow ON DELETE CASCADE,
    PRIMARY KEY (list, flow_id)
);
CREATE INDEX fts_flow_list_flow ON registry.fts_flow_list (flow_id);

-- The money of a project: by the flows that its own list has, and those of other lists that go to it. NULL without any.
CREATE FUNCTION registry.project_funding(project text, project_code text, OUT total numeric, OUT sources text) LANGUAGE sql STABLE AS $$
    SELECT sum(f.amount_usd), left(string_agg(nullif(f.organizations, ''), '; ' ORDER BY length(f.external_id), f.external_id), 2048)
      FROM registry.fts_flow f
     WHERE f.is_active AND f.id IN (SELECT l.flow_id FROM registry.fts_flow_list l WHERE l.list = 'project:' || project
                                    UNION
                                    SELECT t.id FROM registry.fts_flow t WHERE t.is_active AND t.project_external_id = project
                                    UNION
                                    SELECT t.id FROM registry.fts_flow t WHERE t.is_active AND t.project_code = project_funding.project_code)
$$;

-- The row of each place that HPC names: its own, or one that another source had under the same name, code and level.
CREATE TABLE registry.hpc_place (
    external_id text PRIMARY KEY,
    location_id bigint NOT NULL REFERENCES registry.location ON DELETE CASCADE
);
CREATE INDEX hpc_place_location ON registry.hpc_place (location_id);

-- The plan that an indicator belongs to, by what it is an indicator of.
CREATE FUNCTION registry.hpc_plan(content_type text, object bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE content_type
           WHEN 'cluster_objective' THEN (SELECT c.response_plan_id FROM registry.cluster_objective o JOIN registry.cluster c ON c.id = o.cluster_id WHERE o.id = object)
           WHEN 'cluster_activity' THEN (SELECT c.response_plan_id FROM registry.cluster_activity a JOIN registry.cluster_objective o ON o.id = a.cluster_objective_id
                                           JOIN registry.cluster c ON c.id = o.cluster_id WHERE a.id = object)
           WHEN 'partner_project' THEN (SELECT min(c.response_plan_id) FROM registry.partner_project_cluster k JOIN registry.cluster c ON c.id = k.cluster_id
                                         WHERE k.partner_project_id = object) END
$$;

-- The workspace of a plan: as asked for, the one it has, its country's. NULL: none of them.
CREATE FUNCTION registry.hpc_workspace(plan text, asked text, country text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT id FROM registry.workspace WHERE asked IN (workspace_code, business_area_code) ORDER BY id LIMIT 1),
                    (SELECT workspace_id FROM registry.response_plan WHERE external_source = 'HPC' AND external_id = plan),
                    (SELECT id FROM registry.workspace WHERE iso3_code = country ORDER BY id LIMIT 1))
$$;

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
