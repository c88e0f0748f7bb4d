# Firms that monitor and audit, against the sandbox and answers by hand, into a real database.
drumbeat_test(test_tpm TIMEOUT 240 SOURCES test_tpm.c test_pmp_task.c test_http_server.c test_sandbox_client.c LIBS tasks test_fixture PkgConfig::CURL)
add_dependencies(test_tpm drumbeat-sandbox)
# Documents for VISION, over TLS with certificates of the test's own.
drumbeat_test(test_send_document TIMEOUT 240 SOURCES test_send_document.c fixture/certificate.c test_pmp_task.c test_http_server.c test_sandbox_client.c
  LIBS tasks test_fixture PkgConfig::CURL PkgConfig::GNUTLS)
add_dependencies(test_send_document drumbeat-sandbox drumbeat)
