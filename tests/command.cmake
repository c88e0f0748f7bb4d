drumbeat_test(test_command SOURCES test_command.c LIBS test_fixture)
