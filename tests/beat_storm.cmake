# Three beats, killed again and again while the clock is stepped over the days on which clocks change.
add_library(test_beat_storm_clock MODULE test_beat_storm_clock.c)
target_compile_options(test_beat_storm_clock PRIVATE -fno-sanitize=all)
target_link_options(test_beat_storm_clock PRIVATE -fno-sanitize=all)
drumbeat_test(test_beat_storm LABELS storm TIMEOUT 300 COST 50 SOURCES test_beat_storm.c LIBS common_base test_fixture)
add_dependencies(test_beat_storm drumbeat test_beat_storm_clock)
