drumbeat_test(test_cron SOURCES test_cron.c LIBS common_base)
drumbeat_test(test_zone SOURCES test_zone.c LIBS common_base)
