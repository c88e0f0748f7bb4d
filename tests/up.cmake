# `drumbeat up`: the private cluster by itself, then the verb as a whole.
file(GLOB up_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/cli/up/*.c)
list(FILTER up_sources EXCLUDE REGEX /up\\.c$)
drumbeat_test(test_up_cluster SOURCES test_up_cluster.c ${up_sources} LIBS common_db config sql)
