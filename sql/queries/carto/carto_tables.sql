-- The CARTO tables to import, upper levels first. $1 text: a table's name or display name, NULL: all. No row: there is none.
SELECT t.id, t.table_name, t.admin_level, t.admin_level_name, t.name_col, t.pcode_col,
       CASE WHEN t.parent_id IS NOT NULL THEN nullif(t.parent_code_col, '') END AS parent_code_col, nullif(t.remap_table_name, '') AS remap_table_name
  FROM registry.carto_table t
 WHERE $1::text IS NULL OR t.table_name = $1::text OR t.display_name = $1::text
 ORDER BY t.admin_level, t.id
