# Celery's language: messages and results.
drumbeat_test(test_celery_message SOURCES test_celery_message.c LIBS common_celery)
drumbeat_test(test_celery_result SOURCES test_celery_result.c LIBS common_celery)
