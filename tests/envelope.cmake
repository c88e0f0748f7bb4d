# Limits of tasks: what they may take, and what becomes of those that take more.
drumbeat_test(test_limits SOURCES test_limits.c LIBS common_base)
drumbeat_test(test_cgroup SOURCES test_cgroup.c LIBS worker)
drumbeat_test(test_envelope TIMEOUT 300 COST 50 SOURCES test_envelope.c LIBS test_storm_parts worker)
add_dependencies(test_envelope drumbeat)
