-- The sandbox's tables of locations, where no table is configured. No row.
WITH country AS (
    INSERT INTO registry.carto_table (table_name, admin_level, admin_level_name)
    SELECT 'sandbox_adm0', 0, 'Country' WHERE NOT EXISTS (SELECT FROM registry.carto_table)
    RETURNING id
), region AS (
    INSERT INTO registry.carto_table (table_name, admin_level, admin_level_name, parent_code_col, parent_id)
    SELECT 'sandbox_adm1', 1, 'Region', 'parent_pcode', id FROM country
    RETURNING id
), district AS (
    INSERT INTO registry.carto_table (table_name, admin_level, admin_level_name, parent_code_col, remap_table_name, parent_id)
    SELECT 'sandbox_adm2', 2, 'District', 'parent_pcode', 'sandbox_adm2_remap', id FROM region
    RETURNING id
)
INSERT INTO registry.carto_table (table_name, admin_level, admin_level_name, parent_code_col, parent_id)
SELECT 'sandbox_adm3', 3, 'Town', 'parent_pcode', id FROM district
