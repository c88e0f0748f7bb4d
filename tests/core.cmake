# The store and the broker.
drumbeat_test(test_lanes SOURCES test_lanes.c LIBS common_broker)
