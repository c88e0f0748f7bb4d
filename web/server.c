/* server: one request is several calls of handle(), the last of which answers; a body is read, counted and dropped. */
#include "web/server.h"
#include "web/routes.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
    struct web *web;
    struct MHD_Daemon *daemon;
};

struct request {
    size_t received; /* bytes of its body */
};

/* Addresses ---------------------------------------------------------------------------------------------------------
 */

/* Cut "127.0.0.1:8081" or "[::1]:8081" in two. */
static bool split(const char *listen, char host[static SERVER_ADDRESS_MAX], const char **port)
{
    const char *colon = strrchr(listen, ':');
    size_t length = colon ? (size_t)(colon - listen) : 0;
    bool bracketed = length >= 2 && listen[0] == '[' && listen[length - 1] == ']';
    if (length == 0 || length >= SERVER_ADDRESS_MAX || (!bracketed && memchr(listen, ':', length)))
        return false;
    snprintf(host, SERVER_ADDRESS_MAX, "%.*s", (int)(bracketed ? length - 2 : length), listen + bracketed);
    *port = colon + 1;
    return strspn(*port, "0123456789") == strlen(*port) && **port && strlen(*port) <= 5 && atoi(*port) <= 65535;
}

static struct addrinfo *resolve(const char *listen, struct err *e)
{
    char host[SERVER_ADDRESS_MAX];
    const char *port;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (!split(listen, host, &port) || getaddrinfo(host, port, &hints, &found) != 0)
        err_set(e, ERR_USAGE, "--listen: '%s' is not ADDRESS:PORT (127.0.0.1:8081, [::1]:8081)", listen);
    return found;
}

bool server_check(const char *listen, struct err *e)
{
    struct addrinfo *found = resolve(listen, e);
    if (found)
        freeaddrinfo(found);
    return found != NULL;
}

static void tell_address(int fd, char at[static SERVER_ADDRESS_MAX])
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char host[SERVER_ADDRESS_MAX - 10] = "?", port[8] = "?";
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
        getnameinfo((struct sockaddr *)&address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(at, SERVER_ADDRESS_MAX, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* The descriptor, or -1. Two servers never share an address: SO_REUSEADDR only passes over closed connections. */
static int open_socket(const char *listen_at, char at[static SERVER_ADDRESS_MAX], struct err *e)
{
    struct addrinfo *address = resolve(listen_at, e);
    int on = 1;
    if (!address)
        return -1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SERVER_CONNECTIONS_MAX) == 0;
    if (!good)
        err_errno(e, ERR_FAILED, errno, "cannot listen on %s", listen_at);
    freeaddrinfo(address);
    if (good)
        tell_address(fd, at);
    else if (fd >= 0)
        close(fd);
    return good ? fd : -1;
}

/* Requests ----------------------------------------------------------------------------------------------------------
 */

/* Takes the answer's body. */
static enum MHD_Result deliver(struct MHD_Connection *connection, struct answer *a)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        text_free(&a->body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (a->allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, a->allow);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)a->status, response);
    MHD_destroy_response(response);
    return result;
}

static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length && strtoull(length, NULL, 10) > SERVER_BODY_MAX;
}

/* At its header a request is told that its body is too long; one that did not say so loses its connection when it is.
 */
static enum MHD_Result open_request(struct MHD_Connection *connection, void **kept)
{
    struct answer a = {0};
    *kept = mem_zero(1, sizeof(struct request));
    if (!announces_too_much(connection))
        return MHD_YES;
    answer_problem(&a, 413, "content_too_large", "requests here have no body");
    return deliver(connection, &a);
}

static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **kept)
{
    struct server *server = data;
    struct request *request = *kept;
    struct answer a;
    (void)version, (void)upload;
    if (!request)
        return open_request(connection, kept);
    if (*upload_size > 0) {
        request->received += *upload_size;
        *upload_size = 0;
        return request->received > SERVER_BODY_MAX ? MHD_NO : MHD_YES;
    }
    routes_answer(server->web, method, path, &a);
    return deliver(connection, &a);
}

static void ended(void *data, struct MHD_Connection *connection, void **kept, enum MHD_RequestTerminationCode how)
{
    (void)data, (void)connection, (void)how;
    free(*kept);
    *kept = NULL;
}

static void say_nothing(void *data, const char *format, va_list args)
{
    (void)data, (void)format, (void)args;
}

struct server *server_start(const char *listen, struct web *web, char at[static SERVER_ADDRESS_MAX], struct err *e)
{
    int fd = open_socket(listen, at, e);
    if (fd < 0)
        return NULL;
    struct server *server = mem_zero(1, sizeof *server);
    server->web = web;
    server->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ERROR_LOG, 0, NULL, NULL, handle, server,
        MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, ended,
        NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVER_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SERVER_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_MEMORY,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (server->daemon)
        return server;
    err_set(e, ERR_FAILED, "cannot serve on %s", listen);
    close(fd);
    free(server);
    return NULL;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    MHD_stop_daemon(server->daemon);
    free(server);
}
