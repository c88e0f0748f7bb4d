# Storms: real servers, the real binary, and things killed at random. What they share is tests/storm.
add_library(test_storm_parts STATIC storm/invariants.c storm/family.c)
target_link_libraries(test_storm_parts PUBLIC test_fixture PkgConfig::CHECK)
drumbeat_test(test_storm_checker SOURCES test_storm_checker.c LIBS test_storm_parts)
drumbeat_test(test_storm LABELS storm TIMEOUT 600 SOURCES test_storm.c LIBS test_storm_parts)
foreach(name test_storm_checker test_storm)
  add_dependencies(${name} drumbeat)
endforeach()
