-- Org units: pyramids of places that come from other systems, one tree a version of a data source. Names follow Iaso.
CREATE TABLE registry.data_source (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name               varchar(255) NOT NULL UNIQUE CHECK (name <> ''),
    read_only          boolean NOT NULL DEFAULT false,
    description        text,
    default_version_id bigint,
    public             boolean NOT NULL DEFAULT false
);

CREATE TABLE registry.source_version (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    data_source_id bigint NOT NULL REFERENCES registry.data_source ON DELETE CASCADE,
    number         integer NOT NULL CHECK (number >= 0),
    description    text,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    task_id        uuid,   -- the task that made it: run again, it goes on with it
    UNIQUE (data_source_id, number)
);
ALTER TABLE registry.data_source ADD FOREIGN KEY (default_version_id) REFERENCES registry.source_version ON DELETE SET NULL;

CREATE TABLE registry.org_unit_type (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           varchar(255) NOT NULL,
    short_name     varchar(255),
    category       varchar(8),
    depth          smallint,                                           -- the level; NULL: for units of a level without a name
    data_source_id bigint REFERENCES registry.data_source ON DELETE CASCADE   -- NULL: the platform's own
);
CREATE UNIQUE INDEX org_unit_type_level ON registry.org_unit_type (data_source_id, coalesce(depth, -1)) WHERE data_source_id IS NOT NULL;

-- geom (a MultiPolygon) and location (a Point) are GeoJSON. `path` is the ids from the root to the unit with points between, which
-- reads as ltree; NULL while some parent is not known.
CREATE TABLE registry.org_unit (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              varchar(255) NOT NULL CHECK (name <> ''),
    uuid              text,
    custom            boolean NOT NULL DEFAULT false,
    validation_status varchar(25) NOT NULL DEFAULT 'NEW' CHECK (validation_status IN ('NEW', 'VALID', 'REJECTED')),
    version_id        bigint NOT NULL REFERENCES registry.source_version ON DELETE CASCADE,
    parent_id         bigint REFERENCES registry.org_unit,
    parent_source_ref text,   -- as it was told; parent_id follows once that unit is known
    path              text UNIQUE,
    aliases           text[],
    org_unit_type_id  bigint REFERENCES registry.org_unit_type,
    sub_source        text,
    source_ref        text,
    geom              jsonb,
    simplified_geom   jsonb,   -- the platform's
    location          jsonb,
    opening_date      date,
    closed_date       date,
    code              text NOT NULL DEFAULT '',
    code_told         text,   -- the code as it was told, while another valid unit of the version has it
    extra_fields      jsonb NOT NULL DEFAULT '{}',
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    source_created_at timestamptz,
    creator_id        bigint,
    UNIQUE (version_id, source_ref)
);
CREATE UNIQUE INDEX org_unit_code ON registry.org_unit (code, version_id) WHERE code <> '' AND validation_status = 'VALID';
CREATE INDEX org_unit_code_told ON registry.org_unit (version_id, code_told) WHERE code_told IS NOT NULL;
CREATE INDEX org_unit_uuid ON registry.org_unit (uuid);
CREATE INDEX org_unit_parent ON registry.org_unit (parent_id);
CREATE INDEX org_unit_waiting ON registry.org_unit (version_id, parent_source_ref) WHERE parent_id IS NULL AND parent_source_ref IS NOT NULL;
CREATE INDEX org_unit_of_type ON registry.org_unit (org_unit_type_id);
CREATE INDEX org_unit_extra_fields ON registry.org_unit USING gin (extra_fields);

-- An org unit as DHIS2 reads it, below the parent that is called `parent_ref` there; what it lacks is null.
CREATE FUNCTION registry.org_unit_as_dhis2(unit registry.org_unit, parent_ref text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('name', unit.name, 'shortName', left(unit.name, 50), 'code', nullif(unit.code, ''),
                              'parent', CASE WHEN parent_ref IS NOT NULL THEN jsonb_build_object('id', parent_ref) END,
                              'openingDate', to_char(unit.opening_date, 'YYYY-MM-DD"T00:00:00.000"'),
                              'closedDate', to_char(unit.closed_date, 'YYYY-MM-DD"T00:00:00.000"'),
                              'geometry', coalesce(unit.geom, unit.location))
$$;

CREATE TABLE registry.org_unit_group (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              varchar(255) NOT NULL,
    source_ref        text,   -- NULL: made here
    source_version_id bigint NOT NULL REFERENCES registry.source_version ON DELETE CASCADE,
    UNIQUE (source_version_id, source_ref)
);

CREATE TABLE registry.org_unit_group_member (
    org_unit_id       bigint NOT NULL REFERENCES registry.org_unit ON DELETE CASCADE,
    org_unit_group_id bigint NOT NULL REFERENCES registry.org_unit_group ON DELETE CASCADE,
    PRIMARY KEY (org_unit_id, org_unit_group_id)
);
CREATE INDEX org_unit_group_member_group ON registry.org_unit_group_member (org_unit_group_id);

CREATE TABLE registry.group_set (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              varchar(255) NOT NULL,
    source_ref        text,
    source_version_id bigint NOT NULL REFERENCES registry.source_version ON DELETE CASCADE,
    group_belonging   varchar(8) NOT NULL DEFAULT 'SINGLE',
    UNIQUE (source_version_id, source_ref)
);

CREATE TABLE registry.group_set_group (
    group_set_id      bigint NOT NULL REFERENCES registry.group_set ON DELETE CASCADE,
    org_unit_group_id bigint NOT NULL REFERENCES registry.org_unit_group ON DELETE CASCADE,
    PRIMARY KEY (group_set_id, org_unit_group_id)
);
CREATE INDEX group_set_group_group ON registry.group_set_group (org_unit_group_id);

-- Data values on their way to the DHIS2 of a data source. The platform fills it and sets a row that it changes to QUEUED again; what
-- came of each is told here by dhis2.export_values. Elements, org units and combinations are ids of DHIS2.
CREATE TABLE registry.data_value (
    id                     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    data_source_id         bigint NOT NULL REFERENCES registry.data_source ON DELETE CASCADE,
    data_element           text NOT NULL,
    period                 text NOT NULL,
    org_unit               text NOT NULL,
    category_option_combo  text,
    attribute_option_combo text,
    value                  text NOT NULL,
    comment                text,
    export_status          varchar(8) NOT NULL DEFAULT 'QUEUED' CHECK (export_status IN ('QUEUED', 'EXPORTED', 'ERRORED')),
    export_errors          jsonb,   -- ERRORED: array of what DHIS2 has against it, in its words: {"object", "value", "errorCode", ...}
    exported_at            timestamptz,
    created_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at             timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX data_value_key ON registry.data_value
    (data_source_id, data_element, period, org_unit, coalesce(category_option_combo, ''), coalesce(attribute_option_combo, ''));
CREATE INDEX data_value_waiting ON registry.data_value (data_source_id, id) WHERE export_status = 'QUEUED';

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
