/* upstreams: does something listen where the configuration says? A connection, no request: that may cost or count. */
#include "cli/doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HOST_MAX = 256, PORT_MAX = 8 };

static const usec_t upstream_limit = SECONDS(3);

/* scheme://[user@]host[:port]/…: what to connect to. */
static bool split(const char *url, char host[static HOST_MAX], char port[static PORT_MAX])
{
    const char *begin = strstr(url, "://");
    if (!begin)
        return false;
    begin += 3;
    size_t length = strcspn(begin, "/?#");
    const char *at = memrchr(begin, '@', length);
    if (at) {
        length -= (size_t)(at + 1 - begin);
        begin = at + 1;
    }
    bool bracket = *begin == '[';
    size_t name = bracket ? strcspn(begin + 1, "]") : strcspn(begin, ":/?#");
    if (name == 0 || name >= HOST_MAX || name > length)
        return false;
    snprintf(host, HOST_MAX, "%.*s", (int)name, begin + bracket);
    const char *rest = begin + name + (bracket ? 2 : 0);
    if (*rest == ':')
        snprintf(port, PORT_MAX, "%.*s", (int)strspn(rest + 1, "0123456789"), rest + 1);
    else
        snprintf(port, PORT_MAX, "%s", strncmp(url, "https", 5) == 0 ? "443" : strncmp(url, "smtp", 4) == 0 ? "25" : "80");
    return true;
}

/* Names are looked up with a limit too: getaddrinfo_a(3). */
static struct addrinfo *look_up(const char *host, const char *port)
{
    static struct gaicb request;
    static struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct gaicb *list[] = {&request};
    struct timespec limit = {.tv_sec = upstream_limit / SECONDS(1)};
    request = (struct gaicb){.ar_name = host, .ar_service = port, .ar_request = &hints};
    if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) != 0)
        return NULL;
    gai_suspend((const struct gaicb *const *)list, 1, &limit);
    if (gai_error(&request) == EAI_INPROGRESS) {
        gai_cancel(&request);
        return NULL;
    }
    return gai_error(&request) == 0 ? request.ar_result : NULL;
}

static bool answers(const struct addrinfo *address, char *why, size_t size)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = errno;
    if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0) {
        close(fd);
        return true;
    }
    if (fd >= 0 && errno == EINPROGRESS) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        socklen_t length = sizeof error;
        error = ETIMEDOUT;
        if (poll(&ready, 1, (int)(upstream_limit / 1000)) == 1)
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    } else if (fd >= 0) {
        error = errno;
    }
    if (fd >= 0)
        close(fd);
    snprintf(why, size, "%s", strerrordesc_np(error) ? strerrordesc_np(error) : "unreachable");
    return error == 0;
}

static bool reachable(const char *written, char *why, size_t size)
{
    CLEANUP(text_free) struct text url = {0};
    char host[HOST_MAX], port[PORT_MAX];
    struct err e;
    if (!config_secret(written, &url, &e) || !split(text_str(&url), host, port)) {
        snprintf(why, size, "its url cannot be read");
        return false;
    }
    struct addrinfo *address = look_up(host, port);
    if (!address) {
        snprintf(why, size, "%s has no address", host);
        return false;
    }
    bool good = answers(address, why, size);
    freeaddrinfo(address);
    return good;
}

void check_upstreams(struct doctor *d, struct finding *f)
{
    CLEANUP(text_free) struct text bad = {0};
    const struct config *config = d->session.config;
    size_t configured = 0;
    for (size_t i = 0; i < config->upstream_count; i++) {
        char why[HOST_MAX + 64];
        const struct config_upstream *upstream = &config->upstreams[i];
        if (!upstream->url)
            continue;
        configured++;
        if (!reachable(upstream->url, why, sizeof why))
            text_printf(&bad, "%s%s: %s", bad.len ? "; " : "", upstream->name, why);
    }
    if (bad.len > 0) {
        found(f, VERDICT_WARN, "%s", text_str(&bad));
        mend(f, "correct upstreams.<name>.url, or wait until it is back");
    } else {
        found(f, VERDICT_OK, configured ? "%zu configured, all answer" : "%zu configured", configured);
    }
}
