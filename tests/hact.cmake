# What was done to be sure of partners, on a real database and through the real worker.
drumbeat_test(test_hact SOURCES test_hact.c test_pmp_task.c test_sandbox_client.c LIBS tasks test_fixture PkgConfig::CURL)
add_dependencies(test_hact drumbeat-sandbox drumbeat)
