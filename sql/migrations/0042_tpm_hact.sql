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
