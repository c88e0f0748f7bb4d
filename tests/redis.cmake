# Redis: the connection, and the process of a worker that has it.
drumbeat_test(test_redis SOURCES test_redis.c LIBS test_fixture)
drumbeat_test(test_courier TIMEOUT 300 SOURCES test_courier.c LIBS test_storm_parts)
add_dependencies(test_courier drumbeat)
drumbeat_test(test_light_queue TIMEOUT 300 SOURCES test_light_queue.c LIBS test_storm_parts common_broker)
add_dependencies(test_light_queue drumbeat)
drumbeat_test(test_redis_faults LABELS storm TIMEOUT 300 SOURCES test_redis_faults.c LIBS test_storm_parts common_broker)
add_dependencies(test_redis_faults drumbeat)
