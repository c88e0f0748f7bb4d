# Full disks, too few descriptors, forged notifications, retries.
drumbeat_test(test_faults LABELS storm TIMEOUT 300 COST 25 SOURCES test_faults.c LIBS test_storm_parts)
add_dependencies(test_faults drumbeat)
