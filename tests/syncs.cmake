# What the syncs of all families share.
drumbeat_test(test_records SOURCES test_records.c LIBS common_task)

# The families, against the sandbox and answers by hand, into a real database.
drumbeat_test(test_carto TIMEOUT 240 SOURCES test_carto.c test_pmp_task.c test_http_server.c test_sandbox_client.c LIBS tasks test_fixture PkgConfig::CURL)
add_dependencies(test_carto drumbeat-sandbox)
foreach(part vision vision_lists vision_partners)
  drumbeat_test(test_${part} TIMEOUT 240 SOURCES test_${part}.c test_vision_run.c test_pmp_task.c test_http_server.c test_sandbox_client.c
                LIBS tasks test_fixture PkgConfig::CURL)
  add_dependencies(test_${part} drumbeat-sandbox)
endforeach()
foreach(part ocha ocha_flows)
  drumbeat_test(test_${part} TIMEOUT 240 COST 15 SOURCES test_${part}.c test_ocha_run.c test_pmp_task.c test_http_server.c test_sandbox_client.c
                LIBS tasks test_fixture PkgConfig::CURL)
  add_dependencies(test_${part} drumbeat-sandbox)
endforeach()
foreach(part vision_round sync_kills)
  drumbeat_test(test_${part} TIMEOUT 300 SOURCES test_${part}.c test_sandbox_client.c LIBS test_storm_parts PkgConfig::CURL)
  add_dependencies(test_${part} drumbeat drumbeat-sandbox)
endforeach()
