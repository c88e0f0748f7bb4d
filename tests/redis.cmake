# Redis: the connection.
drumbeat_test(test_redis SOURCES test_redis.c LIBS test_fixture)
