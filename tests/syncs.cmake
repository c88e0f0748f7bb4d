# What the syncs of all families share.
drumbeat_test(test_records SOURCES test_records.c LIBS common_task)
