drumbeat_test(test_beat_rule SOURCES test_beat_rule.c LIBS beat)
drumbeat_test(test_beat_scheduler SOURCES test_beat_scheduler.c LIBS beat)
