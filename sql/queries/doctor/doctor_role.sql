-- One row: what this role may do in the schema.
SELECT has_function_privilege('drumbeat.cancel(uuid)', 'EXECUTE') AS enqueues,
       has_table_privilege('drumbeat.task', 'SELECT') AS reads,
       has_table_privilege('drumbeat.ready', 'SELECT, INSERT, DELETE') AND has_table_privilege('drumbeat.running', 'SELECT, INSERT, UPDATE, DELETE') AS works
