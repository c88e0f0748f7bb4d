# Faults of the connections to PostgreSQL.
drumbeat_test(test_connections LABELS storm TIMEOUT 180 COST 30 SOURCES test_connections.c fixture/standby.c LIBS test_storm_parts)
add_dependencies(test_connections drumbeat)
