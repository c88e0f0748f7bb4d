# HTTP for handlers, and the syncs with PMP against stand-in servers and a real database.
drumbeat_test(test_http SOURCES test_http.c test_http_server.c test_pmp_task.c LIBS common_task)
drumbeat_test(test_pmp_documents TIMEOUT 240 COST 20 SOURCES test_pmp_documents.c test_http_server.c test_pmp_task.c LIBS tasks test_fixture)
drumbeat_test(test_pmp TIMEOUT 400 COST 120 SOURCES test_pmp.c test_pmp_task.c test_sandbox_client.c LIBS tasks test_fixture PkgConfig::CURL)
add_dependencies(test_pmp drumbeat-sandbox)
