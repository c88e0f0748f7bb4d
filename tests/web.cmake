# The HTTP edge: the judgement on looks made up, then the real program on a real server.
drumbeat_test(test_web_health SOURCES test_web_health.c LIBS web)
drumbeat_test(test_web TIMEOUT 300 COST 50 SOURCES test_web.c test_web_stage.c LIBS test_fixture)
drumbeat_test(test_web_metrics TIMEOUT 300 COST 40 SOURCES test_web_metrics.c test_web_stage.c LIBS test_fixture)
add_dependencies(test_web drumbeat)
add_dependencies(test_web_metrics drumbeat)
# Log lines of every program that stays running.
drumbeat_test(test_log SOURCES test_log.c LIBS test_fixture)
add_dependencies(test_log drumbeat)
