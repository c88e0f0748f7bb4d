-- Geometries as PostGIS knows them. The tables of places keep GeoJSON, which every server has; where the extension is, each such column gets another one
-- beside it, NAME_4326, that always follows it, with an index. To be called again once the extension was made after the tables.
CREATE FUNCTION registry.use_postgis() RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    home  text;
    shape record;
    added integer := 0;
BEGIN
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'postgis';
    IF home IS NULL THEN
        RETURN 0;
    END IF;
    FOR shape IN SELECT * FROM (VALUES ('location', 'geom', 'MultiPolygon'), ('location', 'point', 'Point'),
                                       ('org_unit', 'geom', 'MultiPolygon'), ('org_unit', 'location', 'Point')) AS v(tab, col, kind)
                  WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = format('registry.%I', v.tab)::regclass AND a.attname = v.col || '_4326')
    LOOP
        EXECUTE format('ALTER TABLE registry.%1$I ADD COLUMN %2$I %4$I.geometry(%5$s, 4326) GENERATED ALWAYS AS (%4$I.st_geomfromgeojson(%3$I)) STORED',
                       shape.tab, shape.col || '_4326', shape.col, home, shape.kind);
        EXECUTE format('CREATE INDEX ON registry.%I USING gist (%I)', shape.tab, shape.col || '_4326');
        added := added + 1;
    END LOOP;
    RETURN added;
END $$;

REVOKE EXECUTE ON FUNCTION registry.use_postgis() FROM PUBLIC;
SELECT registry.use_postgis();
