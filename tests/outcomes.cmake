# How attempts end and what follows: retry policies, snooze, results, deaths, cancel, dead letters.
drumbeat_test(test_result SOURCES test_result.c LIBS common_store)
drumbeat_test(test_shares TIMEOUT 300 COST 30 SOURCES test_shares.c LIBS test_storm_parts)
drumbeat_test(test_outcomes TIMEOUT 300 COST 20 SOURCES test_outcomes.c LIBS test_storm_parts)
