# The HTTP edge: the judgement on looks made up, then the real program on a real server.
drumbeat_test(test_web_health SOURCES test_web_health.c LIBS web)
drumbeat_test(test_web TIMEOUT 300 COST 90 SOURCES test_web.c LIBS test_fixture)
add_dependencies(test_web drumbeat)
# Log lines of every program that stays running.
drumbeat_test(test_log SOURCES test_log.c LIBS test_fixture)
add_dependencies(test_log drumbeat)
