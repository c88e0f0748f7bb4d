-- A data source by its name, $1 text, when there is none yet. No row.
INSERT INTO registry.data_source (name) VALUES ($1::text) ON CONFLICT (name) DO NOTHING
