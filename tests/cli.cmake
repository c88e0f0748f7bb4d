drumbeat_test(test_fixture_itself SOURCES test_fixture.c LIBS test_fixture)
