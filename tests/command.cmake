drumbeat_test(test_command SOURCES test_command.c LIBS test_fixture)
drumbeat_test(test_kept TIMEOUT 300 SOURCES test_kept.c LIBS test_storm_parts)
add_dependencies(test_kept drumbeat)
