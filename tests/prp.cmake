# The jobs of the reporting portal, on a real database.
drumbeat_test(test_prp COST 15 SOURCES test_prp.c test_pmp_task.c test_sandbox_client.c LIBS tasks test_fixture PkgConfig::CURL)
add_dependencies(test_prp drumbeat-sandbox)
