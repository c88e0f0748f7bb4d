# `drumbeat up`: the private cluster by itself, then the verb as a whole.
set(up_parts account cluster leftovers process programs settings socket state)
list(TRANSFORM up_parts PREPEND ${CMAKE_SOURCE_DIR}/cli/up/)
list(TRANSFORM up_parts APPEND .c)
drumbeat_test(test_up_cluster SOURCES test_up_cluster.c ${up_parts} LIBS common_db)
drumbeat_test(test_up TIMEOUT 300 COST 80 SOURCES test_up.c ${CMAKE_SOURCE_DIR}/cli/up/leftovers.c ${CMAKE_SOURCE_DIR}/cli/up/process.c
  LIBS test_fixture)
