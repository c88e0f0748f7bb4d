# Workflows, unique keys and idempotency keys.
drumbeat_test(test_workflow TIMEOUT 300 COST 20 SOURCES test_workflow.c LIBS test_storm_parts)
drumbeat_test(test_unique TIMEOUT 120 SOURCES test_unique.c LIBS test_storm_parts)
foreach(name test_workflow test_unique)
  add_dependencies(${name} drumbeat)
endforeach()
drumbeat_test(test_workflow_storm LABELS storm TIMEOUT 300 COST 20 SOURCES test_workflow_storm.c LIBS test_storm_parts)
add_dependencies(test_workflow_storm drumbeat)
