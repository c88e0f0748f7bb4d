# Data points from Kafka: the form of the messages, and runs against librdkafka's cluster of straw.
if(with_kafka)
  drumbeat_test(test_akvo_message SOURCES test_akvo_message.c LIBS tasks)
  drumbeat_test(test_akvo COST 15 SOURCES test_akvo.c test_pmp_task.c test_http_server.c LIBS tasks test_fixture PkgConfig::RDKAFKA)
endif()
