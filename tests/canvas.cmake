# What follows a Celery task, remote control and events: no server.
drumbeat_test(test_canvas SOURCES test_canvas.c LIBS common_celery)
drumbeat_test(test_control SOURCES test_control.c LIBS common_celery)
