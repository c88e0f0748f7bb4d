#pragma once
/* The HTTP edge: listens, turns what libmicrohttpd reads into a request, delivers answers, late or damaged when they
 * ask for it. A thread a connection, so that a slow answer holds up nobody else. */
#include "common/base/err.h"
#include "sandbox/sandbox.h"
#include "sandbox/tls.h"

struct server;

enum { SERVER_CONNECTIONS_MAX = 256, SERVER_HOST_MAX = 64 };

/* Listen on `host`:`port` (0: a free one), with TLS when `tls` is not NULL. The sandbox and `tls` must outlive the server. NULL on failure. */
struct server *server_start(struct sandbox *s, const char *host, int port, const struct tls *tls, struct err *e);

int server_port(const struct server *server);

/* Ends waiting requests, closes every connection. */
void server_stop(struct server *server);
