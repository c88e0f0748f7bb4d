# A project of Celery and Django on our worker.
drumbeat_test(test_celery_app TIMEOUT 600 COST 60 SOURCES test_celery_app.c LIBS test_storm_parts)
add_dependencies(test_celery_app drumbeat)
