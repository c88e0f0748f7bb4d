drumbeat_test(test_fixture_itself SOURCES test_fixture.c LIBS test_fixture)
drumbeat_test(test_migrate SOURCES test_migrate.c LIBS test_fixture)
drumbeat_test(test_cli TIMEOUT 600 COST 35 SOURCES test_cli.c LIBS test_fixture)
