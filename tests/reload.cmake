# What SIGHUP asks for, and deploys of another version.
drumbeat_test(test_hangup SOURCES test_hangup.c LIBS common_base)
drumbeat_test(test_reload SOURCES test_reload.c LIBS test_fixture)
drumbeat_test(test_worker_reload TIMEOUT 300 COST 45 SOURCES test_worker_reload.c LIBS test_storm_parts)
add_dependencies(test_reload drumbeat)
add_dependencies(test_worker_reload drumbeat)
drumbeat_test(test_rolling LABELS storm TIMEOUT 300 SOURCES test_rolling.c LIBS test_storm_parts)
add_dependencies(test_rolling drumbeat)
