# Histories recorded from outside, and their judge.
drumbeat_test(test_history SOURCES test_history.c storm/history.c LIBS common_base)
drumbeat_test(test_outside LABELS storm TIMEOUT 300 COST 35 SOURCES test_outside.c storm/history.c LIBS test_storm_parts)
add_dependencies(test_outside drumbeat)
