/* redis_url: a new form of address is a row of `schemes`. */
#include "common/db/redis_url.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { PORT_REDIS = 6379, PORT_SENTINEL = 26379, PORT_MAX = 65535, NUMBER_MAX = 1 << 20 };

static const struct {
    const char *prefix;
    enum redis_way way;
} schemes[] = {
    {"redis://", REDIS_WAY_TCP},
    {"unix://", REDIS_WAY_UNIX},
    {"redis+socket://", REDIS_WAY_UNIX},
    {"redis+sentinel://", REDIS_WAY_SENTINEL},
    {"sentinel://", REDIS_WAY_SENTINEL},
};

/* A stretch of the text. */
struct span {
    const char *at;
    size_t length;
};

static struct span span_of(const char *from, const char *to)
{
    return (struct span){from, (size_t)(to - from)};
}

static bool bad(struct err *e, const char *what)
{
    return err_set(e, ERR_USAGE, "the address of Redis: %s", what);
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* Copy with %XX resolved (RFC 3986, 2.1). */
static bool decode(struct span from, char *out, size_t size, struct err *e)
{
    size_t used = 0;
    for (size_t i = 0; i < from.length; i++) {
        char c = from.at[i];
        if (c == '%') {
            if (i + 2 >= from.length || hex(from.at[i + 1]) < 0 || hex(from.at[i + 2]) < 0)
                return bad(e, "% needs two hexadecimal digits behind it");
            c = (char)(hex(from.at[i + 1]) * 16 + hex(from.at[i + 2]));
            i += 2;
        }
        if (c == '\0' || used + 1 == size)
            return bad(e, c ? "a part is too long" : "%00 has no place in it");
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

static bool read_number(struct span from, int most, int *number, struct err *e)
{
    *number = 0;
    for (size_t i = 0; i < from.length; i++) {
        if (!isdigit((unsigned char)from.at[i]) || *number > most / 10)
            return bad(e, "a port or the number of a database is not a number in range");
        *number = *number * 10 + (from.at[i] - '0');
    }
    return (from.length > 0 && *number <= most) || bad(e, "a port or the number of a database is not a number in range");
}

/* [user]:password, or a user alone. */
static bool read_login(struct span login, struct redis_url *url, struct err *e)
{
    const char *colon = memchr(login.at, ':', login.length), *end = login.at + login.length;
    if (!decode(span_of(login.at, colon ? colon : end), url->user, sizeof url->user, e))
        return false;
    return !colon || decode(span_of(colon + 1, end), url->password, sizeof url->password, e);
}

/* host, host:port, [address]:port */
static bool read_host(struct span text, struct redis_url *url, struct err *e)
{
    const char *end = text.at + text.length, *name = text.at, *name_end = end;
    if (url->host_count == REDIS_HOSTS_MAX)
        return bad(e, "too many hosts");
    struct redis_host *host = &url->hosts[url->host_count++];
    host->port = url->way == REDIS_WAY_SENTINEL ? PORT_SENTINEL : PORT_REDIS;
    const char *colon = memrchr(text.at, ':', text.length);
    if (text.length > 0 && *text.at == '[') {
        name_end = memchr(text.at, ']', text.length);
        if (!name_end)
            return bad(e, "[ without ]");
        name++;
        colon = name_end + 1 < end && name_end[1] == ':' ? name_end + 1 : NULL;
    } else if (colon) {
        name_end = colon;
    }
    if (name == name_end)
        snprintf(host->name, sizeof host->name, "localhost");
    else if (!decode(span_of(name, name_end), host->name, sizeof host->name, e))
        return false;
    return !colon || read_number(span_of(colon + 1, end), PORT_MAX, &host->port, e);
}

static bool read_hosts(struct span text, struct redis_url *url, struct err *e)
{
    const char *end = text.at + text.length;
    for (const char *from = text.at;;) {
        const char *comma = memchr(from, ',', (size_t)(end - from));
        if (!read_host(span_of(from, comma ? comma : end), url, e))
            return false;
        if (!comma)
            return true;
        from = comma + 1;
    }
}

/* name=value&…, of which only the database's number is known. */
static bool read_query(struct span query, struct redis_url *url, struct err *e)
{
    static const char *const names[] = {"db=", "virtual_host="};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (query.length > length && strncmp(query.at, names[i], length) == 0)
            return read_number(span_of(query.at + length, query.at + query.length), NUMBER_MAX, &url->number, e);
    }
    return query.length == 0 || bad(e, "only db=… may stand behind ?");
}

/* What stands behind the first slash: a socket's path, a service and a number, or a number. */
static bool read_path(struct span path, struct redis_url *url, struct err *e)
{
    const char *end = path.at + path.length;
    if (url->way == REDIS_WAY_UNIX)
        return path.length > 1 ? decode(path, url->path, sizeof url->path, e) : bad(e, "the path of the socket is missing");
    struct span rest = path.length > 0 ? span_of(path.at + 1, end) : path;
    if (url->way == REDIS_WAY_SENTINEL) {
        const char *slash = memchr(rest.at, '/', rest.length);
        if (!decode(span_of(rest.at, slash ? slash : end), url->service, sizeof url->service, e))
            return false;
        if (!url->service[0])
            return bad(e, "the service that the sentinels watch is missing");
        rest = slash ? span_of(slash + 1, end) : span_of(end, end);
    }
    return rest.length == 0 || read_number(rest, NUMBER_MAX, &url->number, e);
}

bool redis_url_parse(const char *text, struct redis_url *url, struct err *e)
{
    const char *from = NULL;
    *url = (struct redis_url){0};
    if (strncmp(text, "rediss://", strlen("rediss://")) == 0)
        return bad(e, "rediss:// (TLS) is not supported and will not be replaced by clear text: use a unix socket or a tunnel such as stunnel");
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes && !from; i++)
        if (strncmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0) {
            from = text + strlen(schemes[i].prefix);
            url->way = schemes[i].way;
        }
    if (!from)
        return bad(e, "it must begin with redis://, unix:// or redis+sentinel://");
    const char *question = strchr(from, '?'), *end = question ? question : from + strlen(from);
    const char *login_end = memrchr(from, '@', (size_t)(end - from));
    if (login_end && !read_login(span_of(from, login_end), url, e))
        return false;
    const char *host = login_end ? login_end + 1 : from, *slash = memchr(host, '/', (size_t)(end - host));
    if (!slash)
        slash = end;
    if (url->way == REDIS_WAY_UNIX && slash != host)
        return bad(e, "the path of a socket begins with /");
    if (url->way != REDIS_WAY_UNIX && !read_hosts(span_of(host, slash), url, e))
        return false;
    if (!read_path(span_of(slash, end), url, e))
        return false;
    return !question || read_query(span_of(question + 1, question + strlen(question)), url, e);
}
