drumbeat_test(test_config SOURCES test_config.c test_config_sources.c LIBS config)

# preset fuzz: build-fuzz/fuzz_config -max_total_time=60
if(DRUMBEAT_SANITIZE MATCHES fuzzer)
  add_executable(fuzz_config fuzz/fuzz_config.c)
  target_link_libraries(fuzz_config PRIVATE config -fsanitize=fuzzer)
endif()
