# sql/queries/**/NAME.sql and sql/migrations/NNNN_NAME.sql become C tables in the build folder:
# "sql/queries.h" declares `extern const struct sql sql_NAME`, "sql/migrations.h" the ordered list. sql/scripts/NAME.lua become
# `extern const struct script lua_NAME` in "sql/scripts.h".
file(GLOB_RECURSE sql_queries CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/sql/queries/*.sql)
file(GLOB sql_migrations CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/sql/migrations/*.sql)
file(GLOB sql_scripts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/sql/scripts/*.lua)
set(sql_out ${CMAKE_BINARY_DIR}/generated/sql)
add_custom_command(
  OUTPUT ${sql_out}/queries.c ${sql_out}/queries.h ${sql_out}/migrations.c ${sql_out}/scripts.c ${sql_out}/scripts.h
  COMMAND ${CMAKE_SOURCE_DIR}/tools/embed_sql ${CMAKE_SOURCE_DIR}/sql ${sql_out}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/embed_sql ${sql_queries} ${sql_migrations} ${sql_scripts}
  VERBATIM)
add_library(sql STATIC ${sql_out}/queries.c ${sql_out}/migrations.c ${sql_out}/scripts.c ${sql_out}/queries.h ${sql_out}/scripts.h)
target_include_directories(sql PUBLIC ${CMAKE_BINARY_DIR}/generated ${CMAKE_SOURCE_DIR})
