drumbeat_test(test_cron SOURCES test_cron.c LIBS common_base)
drumbeat_test(test_zone SOURCES test_zone.c LIBS common_base)
drumbeat_test(test_cron_brute SOURCES test_cron_brute.c LIBS common_base TIMEOUT 300)
drumbeat_test(test_cron_cli SOURCES test_cron_cli.c ../cli/cron_batch.c LIBS test_fixture)

# preset fuzz: build-fuzz/fuzz_cron -max_total_time=60; build-fuzz/fuzz_tzif /usr/share/zoneinfo/Europe
if(DRUMBEAT_SANITIZE MATCHES fuzzer)
  foreach(target fuzz_cron fuzz_tzif)
    add_executable(${target} fuzz/${target}.c)
    target_link_libraries(${target} PRIVATE common_base -fsanitize=fuzzer)
  endforeach()
endif()
