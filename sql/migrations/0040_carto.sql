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

-- Does a row of another table speak of this location? By the foreign keys that there are, so that tables which come later count, the platform's own
-- too, which the asker need not be able to read. hpc_place only says which place is which, and goes with it.
CREATE FUNCTION registry.location_is_named(place bigint) RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    speaker record;
    named   boolean;
BEGIN
    FOR speaker IN SELECT k.conrelid::regclass AS tab, a.attname AS col
                     FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
                    WHERE k.contype = 'f' AND k.confrelid = 'registry.location'::regclass
                      AND k.conrelid NOT IN (k.confrelid, coalesce(to_regclass('registry.hpc_place'), k.confrelid))
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I = $1)', speaker.tab, speaker.col) INTO named USING place;
        IF named THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END $$;
REVOKE EXECUTE ON FUNCTION registry.location_is_named(bigint) FROM PUBLIC;

-- The same, or another place that lies in it.
CREATE FUNCTION registry.location_is_used(place bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM registry.location WHERE parent_id = place) OR registry.location_is_named(place)
$$;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON registry.carto_table, registry.carto_remap TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON registry.carto_table, registry.carto_remap TO drumbeat_work;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA registry TO drumbeat_work;
        GRANT EXECUTE ON FUNCTION registry.location_is_named(bigint) TO drumbeat_work;
    END IF;
END $$;
