/* server: one exchange is several calls of access_handler(), the last of which answers.
 *
 *     header -> body, at most REQUEST_BODY_MAX -> sandbox_answer() -> wait_for() -> deliver() -> ended()
 */
#include "sandbox/server.h"

#include "sandbox/gzip.h"
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MEMORY_PER_CONNECTION = 64 << 10, IDLE_SECONDS = 900, BLOCK_SIZE = 32 << 10 };

struct server {
    struct sandbox *sandbox;
    struct MHD_Daemon *daemon;
    int stopping; /* an eventfd, readable for everyone once the server stops */
};

struct exchange {
    struct text body;
};

/* A body on its way out: blanks, then text up to `end`; there the connection breaks when `broken`. */
struct outgoing {
    struct text body;
    uint64_t blanks, end;
    bool broken;
};

static ssize_t read_outgoing(void *data, uint64_t at, char *buffer, size_t room)
{
    struct outgoing *out = data;
    if (at >= out->end)
        return out->broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    uint64_t stop = at < out->blanks ? out->blanks : out->end;
    size_t length = stop - at < room ? (size_t)(stop - at) : room;
    if (at < out->blanks)
        memset(buffer, ' ', length);
    else
        memcpy(buffer, out->body.data + (at - out->blanks), length);
    return (ssize_t)length;
}

static void free_outgoing(void *data)
{
    struct outgoing *out = data;
    text_free(&out->body);
    free(out);
}

/* Takes the answer's body. */
static struct MHD_Response *make_response(struct answer *a)
{
    struct outgoing *out = mem_zero(1, sizeof *out);
    if (a->gzip)
        gzip_text(&a->body);
    *out = (struct outgoing){.body = a->body, .blanks = a->blanks, .end = a->blanks + a->body.len};
    a->body = (struct text){0};
    uint64_t size = a->delivery == DELIVER_CUT_CHUNKED || a->blanks ? MHD_SIZE_UNKNOWN : out->end;
    if (a->delivery != DELIVER_WHOLE) {
        out->broken = true;
        out->end /= 2;
    }
    return MHD_create_response_from_callback(size, BLOCK_SIZE, read_outgoing, out, free_outgoing);
}

static void add_headers(struct MHD_Response *response, const struct answer *a)
{
    char number[32];
    MHD_add_response_header(response, "Content-Type", a->type ? a->type : "application/json");
    if (a->location.len > 0)
        MHD_add_response_header(response, "Location", text_str(&a->location));
    if (a->challenge)
        MHD_add_response_header(response, "WWW-Authenticate", "Basic realm=\"api\"");
    if (a->gzip)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    if (a->retry_after > 0) {
        snprintf(number, sizeof number, "%" PRId64, a->retry_after);
        MHD_add_response_header(response, "Retry-After", number);
    }
}

static enum MHD_Result deliver(struct MHD_Connection *connection, struct answer *a)
{
    if (a->delivery == DELIVER_NOTHING)
        return MHD_NO;
    struct MHD_Response *response = make_response(a);
    if (!response)
        return MHD_NO;
    add_headers(response, a);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)a->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Until the time is over, the client has closed its side or the server stops. */
static void wait_for(const struct server *server, struct MHD_Connection *connection, usec_t duration)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd fds[] = {{.fd = server->stopping, .events = POLLIN},
                           {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP}};
    usec_t end = clock_boot() + duration;
    for (usec_t left = duration; left > 0; left = end - clock_boot())
        if (poll(fds, 2, (int)((left + 999) / 1000)) != 0 && (fds[0].revents || fds[1].revents))
            return;
}

static enum MHD_Result take_arg(void *data, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct request *r = data;
    (void)kind;
    if (r->args_count == REQUEST_ARGS_MAX)
        return MHD_NO;
    r->args[r->args_count++] = (struct pair){name, value ? value : ""};
    return MHD_YES;
}

/* Absolute links are built from the Host header, so it must look like one. */
static const char *read_host(struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-[]";
    return host && *host && strlen(host) < SERVER_HOST_MAX && !host[strspn(host, allowed)] ? host : NULL;
}

static void answer_request(struct server *server, struct MHD_Connection *connection, struct request *r,
                           struct answer *a)
{
    const char *encodings = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept-Encoding");
    char *password = NULL, *user = MHD_basic_auth_get_username_password(connection, &password);
    r->user = user;
    r->password = password;
    r->gzip = encodings && strstr(encodings, "gzip");
    r->key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Ocp-Apim-Subscription-Key");
    r->host = read_host(connection);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_arg, r);
    if (r->host)
        sandbox_answer(server->sandbox, r, a);
    else
        answer_detail(a, 400, "Invalid HTTP_HOST header.");
    MHD_free(user);
    MHD_free(password);
}

static enum MHD_Result serve(struct server *server, struct MHD_Connection *connection, struct request *r)
{
    struct answer a = {0};
    answer_request(server, connection, r, &a);
    if (a.wait > 0)
        wait_for(server, connection, a.wait);
    enum MHD_Result result = deliver(connection, &a);
    if (r->host)
        sandbox_done(server->sandbox);
    answer_free(&a);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection)
{
    struct answer a = {0};
    answer_detail(&a, 413, "The body is longer than %d bytes.", REQUEST_BODY_MAX);
    enum MHD_Result result = deliver(connection, &a);
    answer_free(&a);
    return result;
}

static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    return length && strtoull(length, NULL, 10) > REQUEST_BODY_MAX;
}

/* The first call comes with the header, more with pieces of the body, the last with none. A body
 * that grows too large without having said so costs the connection. */
static enum MHD_Result access_handler(void *data, struct MHD_Connection *connection, const char *url,
                                      const char *method, const char *version, const char *upload, size_t *upload_size,
                                      void **kept)
{
    struct exchange *exchange = *kept;
    struct request r = {.method = method, .path = url, .id = -1};
    (void)version;
    if (!exchange) {
        *kept = mem_zero(1, sizeof *exchange);
        return announces_too_much(connection) ? refuse(connection) : MHD_YES;
    }
    if (*upload_size == 0) {
        r.body = exchange->body.len > 0 ? text_str(&exchange->body) : NULL;
        return serve(data, connection, &r);
    }
    text_add(&exchange->body, upload, *upload_size);
    *upload_size = 0;
    return exchange->body.len > REQUEST_BODY_MAX ? MHD_NO : MHD_YES;
}

static void ended(void *data, struct MHD_Connection *connection, void **kept, enum MHD_RequestTerminationCode how)
{
    struct exchange *exchange = *kept;
    (void)data, (void)connection, (void)how;
    if (exchange)
        text_free(&exchange->body);
    free(exchange);
    *kept = NULL;
}

static void say_nothing(void *data, const char *format, va_list args)
{
    (void)data, (void)format, (void)args;
}

/* Before the handshake of a connection. */
static void begin_tls(void *data, struct MHD_Connection *connection, void **kept, enum MHD_ConnectionNotificationCode what)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    (void)data, (void)kept;
    if (what == MHD_CONNECTION_NOTIFY_STARTED && info && info->tls_session)
        tls_demand_certificate(info->tls_session);
}

static struct MHD_Daemon *listen_on(struct server *server, const struct sockaddr_in *address, const struct tls *tls)
{
    struct MHD_OptionItem more[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? tls->key.data : NULL},
                                    {MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? tls->certificate.data : NULL},
                                    {MHD_OPTION_HTTPS_MEM_TRUST, 0, tls ? tls->trusted.data : NULL},
                                    {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)begin_tls, NULL},
                                    {MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0), 0, NULL,
        NULL, access_handler, server, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_NOTIFY_COMPLETED, ended, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVER_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MEMORY_PER_CONNECTION, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_ARRAY,
        tls ? more : &more[sizeof more / sizeof *more - 1], MHD_OPTION_END);
}

struct server *server_start(struct sandbox *s, const char *host, int port, const struct tls *tls, struct err *e)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        err_set(e, ERR_USAGE, "'%s' is not an IPv4 address", host);
        return NULL;
    }
    struct server *server = mem_zero(1, sizeof *server);
    server->sandbox = s;
    server->stopping = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    errno = 0;
    if (server->stopping >= 0 && (server->daemon = listen_on(server, &address, tls)))
        return server;
    err_errno(e, ERR_UNREACHABLE, errno, "cannot listen on %s:%d", host, port);
    server_stop(server);
    return NULL;
}

int server_port(const struct server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    if (server->stopping >= 0)
        eventfd_write(server->stopping, 1);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    if (server->stopping >= 0)
        close(server->stopping);
    free(server);
}
