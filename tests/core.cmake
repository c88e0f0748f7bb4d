# The store and the broker.
drumbeat_test(test_json SOURCES test_json.c LIBS common_base)
drumbeat_test(test_lanes SOURCES test_lanes.c LIBS common_broker)
drumbeat_test(test_store SOURCES test_store.c LIBS test_storm_parts)
drumbeat_test(test_broker_contract SOURCES test_broker_contract.c LIBS test_storm_parts common_broker)
drumbeat_test(test_retention TIMEOUT 300 COST 25 SOURCES test_retention.c LIBS test_storm_parts)
add_dependencies(test_retention drumbeat)
