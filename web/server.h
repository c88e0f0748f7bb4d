#pragma once
/* The HTTP server: libmicrohttpd on a socket of ours, one thread of its own, few and short connections. */
#include "common/base/err.h"
#include "web/web.h"

struct server;

enum { SERVER_CONNECTIONS_MAX = 64, SERVER_IDLE_SECONDS = 5, SERVER_MEMORY = 16 << 10, SERVER_BODY_MAX = 1 << 10 };

enum { SERVER_ADDRESS_MAX = 64 };

/* Can `listen` be read? ERR_USAGE. */
bool server_check(const char *listen, struct err *e);

/* Listen and answer from `web`, which must outlive the server. `at` becomes ADDRESS:PORT with the real port. NULL and
 * ERR_USAGE for an address that cannot be read, ERR_FAILED for one that cannot be used. */
struct server *server_start(const char *listen, struct web *web, char at[static SERVER_ADDRESS_MAX], struct err *e);

/* Close every connection. NULL is fine. */
void server_stop(struct server *server);
