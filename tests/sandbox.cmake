# The stand-in upstreams, by their own program; what is asked of them stands in test_sandbox_client.
foreach(part pmp faults)
  drumbeat_test(test_sandbox_${part} SOURCES test_sandbox_${part}.c test_sandbox_client.c LIBS common_base PkgConfig::CURL)
  add_dependencies(test_sandbox_${part} drumbeat-sandbox)
endforeach()
