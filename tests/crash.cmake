# drumbeat-crash: the program with the crash points of common/base/crash_point.h. Only the files that have some are compiled again; what
# they define is not taken from the folders' libraries any more.
set(crash_parts common/db/pg.c common/db/pg_calls.c worker/child.c worker/fork_server.c worker/keeper_seats.c worker/supervisor.c)
list(TRANSFORM crash_parts PREPEND ${CMAKE_SOURCE_DIR}/)
add_executable(drumbeat-crash $<TARGET_OBJECTS:drumbeat> ${crash_parts} storm/crash_point.c)
target_compile_definitions(drumbeat-crash PRIVATE DRUMBEAT_CRASH_POINTS)
target_include_directories(drumbeat-crash PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(drumbeat-crash PRIVATE worker beat web)

drumbeat_test(test_crash_points LABELS storm TIMEOUT 300 SOURCES test_crash_points.c storm/crash_order.c LIBS test_storm_parts)
add_dependencies(test_crash_points drumbeat drumbeat-crash)
