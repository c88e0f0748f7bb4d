-- Has the schema ever been made? Always one row.
SELECT to_regclass('drumbeat.migration') IS NOT NULL AS known
