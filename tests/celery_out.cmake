# Tasks that workers of Celery run.
drumbeat_test(test_celery_sent SOURCES test_celery_sent.c LIBS test_storm_parts)
drumbeat_test(test_celery_out TIMEOUT 300 SOURCES test_celery_out.c LIBS test_storm_parts)
# What Redis loses of them.
drumbeat_test(test_celery_lost TIMEOUT 300 SOURCES test_celery_lost.c LIBS test_storm_parts)
# Celery's command line, remote control and events.
drumbeat_test(test_celery_tools TIMEOUT 300 SOURCES test_celery_tools.c LIBS test_storm_parts)
drumbeat_test(test_celery_failover TIMEOUT 300 SOURCES test_celery_failover.c LIBS test_storm_parts)
foreach(name test_celery_sent test_celery_out test_celery_lost test_celery_failover test_celery_tools)
  add_dependencies(${name} drumbeat)
endforeach()
