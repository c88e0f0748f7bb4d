# Celery's language: messages and results.
drumbeat_test(test_celery_message SOURCES test_celery_message.c LIBS common_celery)
drumbeat_test(test_celery_result SOURCES test_celery_result.c LIBS common_celery)
# On a real Redis, with unmodified Python programs on the other side.
drumbeat_test(test_celery TIMEOUT 300 SOURCES test_celery.c storm/crash_order.c LIBS test_storm_parts common_celery)
add_dependencies(test_celery drumbeat drumbeat-crash)
drumbeat_test(test_celery_fleet TIMEOUT 300 SOURCES test_celery_fleet.c LIBS test_storm_parts common_celery)
add_dependencies(test_celery_fleet drumbeat)
