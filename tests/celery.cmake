# Celery's language: messages and results.
drumbeat_test(test_celery_message SOURCES test_celery_message.c LIBS common_celery)
