# Places as geometries, where the server has PostGIS.
drumbeat_test(test_postgis SOURCES test_postgis.c test_pmp_task.c test_http_server.c test_sandbox_client.c LIBS tasks test_fixture PkgConfig::CURL)
add_dependencies(test_postgis drumbeat-sandbox)
