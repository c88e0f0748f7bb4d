# Tasks that workers of Celery run.
drumbeat_test(test_celery_sent SOURCES test_celery_sent.c LIBS test_storm_parts)
add_dependencies(test_celery_sent drumbeat)
