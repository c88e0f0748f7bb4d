# drumbeat-crash: the program with the crash points of common/base/crash_point.h. Only the files that have some are compiled again; what
# they define is not taken from the folders' libraries any more.
file(GLOB_RECURSE crash_parts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/common/*.c ${CMAKE_SOURCE_DIR}/worker/*.c ${CMAKE_SOURCE_DIR}/beat/*.c)
foreach(part ${crash_parts})
  file(STRINGS ${part} points REGEX "CRASH_POINT\\(" LIMIT_COUNT 1)
  if(NOT points)
    list(REMOVE_ITEM crash_parts ${part})
  endif()
endforeach()
add_executable(drumbeat-crash $<TARGET_OBJECTS:drumbeat> ${crash_parts} storm/crash_point.c)
target_compile_definitions(drumbeat-crash PRIVATE DRUMBEAT_CRASH_POINTS)
target_include_directories(drumbeat-crash PRIVATE ${CMAKE_SOURCE_DIR})
target_link_libraries(drumbeat-crash PRIVATE worker beat web)

drumbeat_test(test_crash_points LABELS storm TIMEOUT 300 COST 45 SOURCES test_crash_points.c storm/crash_order.c LIBS test_storm_parts)
add_dependencies(test_crash_points drumbeat drumbeat-crash)
