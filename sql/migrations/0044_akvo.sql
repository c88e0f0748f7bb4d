-- Data points of Akvo Flow: a schema a tenant, made when the first message of its topic comes; names follow Akvo Flow Maps. The room of the family is
-- here: which tenants there are, and how far each partition of their topics was read.
CREATE TABLE registry.akvo_tenant (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant         text NOT NULL UNIQUE,              -- the topic
    schema_name    text NOT NULL UNIQUE,
    creation_state varchar(8) NOT NULL DEFAULT 'creating' CHECK (creation_state IN ('creating', 'done')),
    geometry       varchar(8) CHECK (geometry IN ('postgis', 'geojson')),   -- what its points are
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE registry.akvo_partition (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,   -- all before it is in the tenant's table
    high_offset bigint NOT NULL,   -- what the partition held when it was looked at last
    lag         bigint GENERATED ALWAYS AS (greatest(high_offset - next_offset, 0)) STORED,
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition)
);

-- "afm_" and the tenant in small letters, "_" for all that is neither letter nor digit; with a hash of it when that is too long, or another's.
CREATE FUNCTION registry.akvo_schema_name(tenant_name text) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT CASE WHEN length(plain) <= 63 AND NOT EXISTS (SELECT FROM registry.akvo_tenant t WHERE t.schema_name = plain AND t.tenant <> tenant_name)
                THEN plain ELSE left(plain, 54) || '_' || substr(md5(tenant_name), 1, 8) END
      FROM (SELECT 'afm_' || regexp_replace(lower(tenant_name), '[^a-z0-9]', '_', 'g') AS plain) p
$$;

-- The point of a message, in the words of a tenant's table: with PostGIS a geometry, else GeoJSON.
CREATE FUNCTION registry.akvo_point(kind text) RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT CASE kind WHEN 'geojson' THEN 'jsonb_build_object(''type'', ''Point'', ''coordinates'', jsonb_build_array(m.longitude, m.latitude))'
                     ELSE (SELECT format('%1$I.st_setsrid(%1$I.st_makepoint(m.longitude, m.latitude), 4326)', n.nspname)
                             FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis') END
$$;

-- The schema of a tenant, made when it has none. One at a time, all or nothing, and nothing that is there already is made again. Runs with the
-- rights of who migrated, so that a worker needs none to make schemas.
CREATE FUNCTION registry.akvo_open(tenant_name text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known registry.akvo_tenant;
    home  text;
    role  text;
BEGIN
    SELECT * INTO known FROM registry.akvo_tenant t WHERE t.tenant = tenant_name;
    IF known.creation_state = 'done' THEN
        RETURN known.schema_name;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('registry.akvo_open', 0));
    INSERT INTO registry.akvo_tenant (tenant, schema_name) VALUES (tenant_name, registry.akvo_schema_name(tenant_name)) ON CONFLICT (tenant) DO NOTHING;
    SELECT * INTO known FROM registry.akvo_tenant t WHERE t.tenant = tenant_name;
    IF known.creation_state = 'done' THEN
        RETURN known.schema_name;
    END IF;
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis';
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', known.schema_name);
    EXECUTE format('CREATE TABLE IF NOT EXISTS %I.datapoint (identifier text PRIMARY KEY, survey_id bigint NOT NULL, created_date_time timestamptz NOT NULL,'
                   ' last_update_date_time timestamptz NOT NULL, geom %s NOT NULL)',
                   known.schema_name, CASE WHEN home IS NULL THEN 'jsonb' ELSE format('%I.geometry(Point, 4326)', home) END);
    IF home IS NOT NULL THEN
        EXECUTE format('CREATE INDEX IF NOT EXISTS datapoint_geom ON %I.datapoint USING gist (geom)', known.schema_name);
    END IF;
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('drumbeat_read', 'drumbeat_work') LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', known.schema_name, role);
        EXECUTE format('GRANT %s ON %I.datapoint TO %I', CASE role WHEN 'drumbeat_work' THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END,
                       known.schema_name, role);
    END LOOP;
    UPDATE registry.akvo_tenant t SET creation_state = 'done', geometry = CASE WHEN home IS NULL THEN 'geojson' ELSE 'postgis' END
     WHERE t.id = known.id;
    RETURN known.schema_name;
END $$;

-- Data points of a tenant, given as arrays; times in ms since 1970. The newest by its last update wins, whatever comes first; what is not newer than the
-- row writes nothing.
CREATE FUNCTION registry.akvo_store(tenant_name text, identifiers text[], survey_ids bigint[], longitudes float8[], latitudes float8[],
                                    created_ms bigint[], updated_ms bigint[], OUT created bigint, OUT updated bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known registry.akvo_tenant;
BEGIN
    SELECT * INTO STRICT known FROM registry.akvo_tenant t WHERE t.tenant = tenant_name AND t.creation_state = 'done';
    EXECUTE format($sql$
        WITH message AS (
            SELECT DISTINCT ON (m.identifier) m.*
              FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS m(identifier, survey_id, longitude, latitude, created_ms, updated_ms, place)
             ORDER BY m.identifier, m.updated_ms DESC, m.place
        ), written AS (
            INSERT INTO %1$I.datapoint AS d (identifier, survey_id, created_date_time, last_update_date_time, geom)
            SELECT m.identifier, m.survey_id, timestamptz 'epoch' + m.created_ms * interval '1 ms', timestamptz 'epoch' + m.updated_ms * interval '1 ms', %2$s
              FROM message m ORDER BY m.identifier
            ON CONFLICT (identifier) DO UPDATE
               SET survey_id = excluded.survey_id, created_date_time = excluded.created_date_time,
                   last_update_date_time = excluded.last_update_date_time, geom = excluded.geom
             WHERE excluded.last_update_date_time > d.last_update_date_time
            RETURNING d.xmax = 0 AS is_new
        )
        SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
    $sql$, known.schema_name, registry.akvo_point(known.geometry))
    INTO created, updated USING identifiers, survey_ids, longitudes, latitudes, created_ms, updated_ms;
END $$;

REVOKE EXECUTE ON FUNCTION registry.akvo_open(text) FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_read') THEN
        GRANT SELECT ON ALL TABLES IN SCHEMA registry TO drumbeat_read;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'drumbeat_work') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA registry TO drumbeat_work;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA registry TO drumbeat_work;
        GRANT EXECUTE ON FUNCTION registry.akvo_open(text) TO drumbeat_work;
    END IF;
END $$;
