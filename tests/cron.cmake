drumbeat_test(test_cron SOURCES test_cron.c LIBS common_base)
