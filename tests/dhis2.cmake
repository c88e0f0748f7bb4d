# The jobs around DHIS2, against the sandbox and against answers written by hand.
drumbeat_test(test_dhis2 COST 15 SOURCES test_dhis2.c test_pmp_task.c test_http_server.c test_sandbox_client.c LIBS tasks test_fixture PkgConfig::CURL)
add_dependencies(test_dhis2 drumbeat-sandbox)
drumbeat_test(test_dhis2_export COST 15 SOURCES test_dhis2_export.c test_pmp_task.c test_http_server.c test_sandbox_client.c LIBS tasks test_fixture PkgConfig::CURL)
add_dependencies(test_dhis2_export drumbeat-sandbox)
