#pragma once
/* A port that speaks TLS and demands a certificate of its clients. GnuTLS, on which libmicrohttpd builds, is seen nowhere else. */
#include "common/base/err.h"
#include "common/base/text.h"

enum { TLS_FILE_MAX = 64 << 10 };

/* What the port shows and trusts, as PEM: the files server.pem, server.key and ca.pem of a folder. */
struct tls {
    struct text certificate, key, trusted;
};

bool tls_read(struct tls *tls, const char *folder, struct err *e);
void tls_free(struct tls *tls);

/* From now on `session` (a gnutls_session_t whose handshake has not begun) ends when its client shows no certificate, or one that is not trusted, or
 * not now. */
void tls_demand_certificate(void *session);
