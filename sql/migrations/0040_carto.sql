-- Locations that come from CARTO tables, and the tree of all locations.

-- One table of CARTO: the locations of one level. What is to be imported, and where its columns are.
CREATE TABLE registry.carto_table (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain           varchar(254) NOT NULL DEFAULT '',   -- of the account, for people: the worker asks the upstream it is configured with
    api_key          varchar(254),                       -- tables are public; a key is configured with the upstream, never kept here
    table_name       varchar(254) NOT NULL,
    display_name     varchar(254),
    admin_level      smallint NOT NULL CHECK (admin_level >= 0),
    admin_level_name varchar(64),
    name_col         varchar(254) NOT NULL DEFAULT 'name',
    pcode_col        varchar(254) NOT NULL DEFAULT 'pcode',
    parent_code_col  varchar(254),                       -- read only when the parent table is set too
    remap_table_name varchar(254),
    parent_id        bigint REFERENCES registry.carto_table,
    color            varchar(7),
    UNIQUE (domain, table_name)
);

-- The entries of remap tables that were acted on: each once, so that a swap is not undone by the next run.
CREATE TABLE registry.carto_remap (
    carto_table_id bigint NOT NULL REFERENCES registry.carto_table ON DELETE CASCADE,
    old_pcode      text NOT NULL,
    new_pcode      text,
    matching       integer NOT NULL,
    task_id        uuid,
    PRIMARY KEY (carto_table_id, old_pcode)
);

-- Nested sets: what lies below a location has its tree_id, and lft and rght between its own. Written at the end of a run: carto_tree.sql.
ALTER TABLE registry.location
    ADD COLUMN lft     integer NOT NULL DEFAULT 0,
    ADD COLUMN rght    integer NOT NULL DEFAULT 0,
    ADD COLUMN tree_id bigint NOT NULL DEFAULT 0,
    ADD COLUMN level   integer NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX location_carto_p_code ON registry.location (p_code) WHERE is_active AND origin LIKE 'carto:%';

-- Does any other row speak of this location?
CREATE FUNCTION registry.location_is_used(place bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM registry.location WHERE parent_id = place)
        OR EXISTS (SELECT FROM registry.location_workspace WHERE location_id = place)
        OR EXISTS (SELECT FROM registry.programme_document_location WHERE location_id = place)
        OR EXISTS (SELECT FROM registry.reportable_location_goal WHERE location_id = place)
        OR EXISTS (SELECT FROM registry.indicator_location_data WHERE location_id = place)
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON registry.carto_table, registry.carto_remap TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON registry.carto_table, registry.carto_remap TO drumbeat_work;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA registry TO drumbeat_work;
    END IF;
END $$;
