#pragma once
/* Where a Redis is:
 *
 *     redis://[[user]:password@]host[:port][,host…][/number]           6379, database 0; several: of a cluster, any that answers
 *     unix://[[user]:password@]/path/of/socket[?db=number]             also redis+socket://, and virtual_host= for db=
 *     redis+sentinel://[[user]:password@]host[:port][,host…]/service[/number]     26379; also sentinel://
 *
 * What is not a letter or digit may be written %XX. rediss:// is refused: hiredis of Debian 12 knows no TLS, and nothing falls back to
 * clear text by itself. */
#include "common/base/err.h"
#include <stddef.h>

enum redis_way { REDIS_WAY_TCP, REDIS_WAY_UNIX, REDIS_WAY_SENTINEL };

enum { REDIS_HOSTS_MAX = 16, REDIS_HOST_SIZE = 256, REDIS_SECRET_SIZE = 512 };

struct redis_host {
    char name[REDIS_HOST_SIZE];
    int port;
};

struct redis_url {
    enum redis_way way;
    char user[REDIS_SECRET_SIZE], password[REDIS_SECRET_SIZE]; /* "": none */
    struct redis_host hosts[REDIS_HOSTS_MAX];
    size_t host_count;
    char path[REDIS_HOST_SIZE];    /* of the socket */
    char service[REDIS_HOST_SIZE]; /* that the sentinels watch */
    int number;
};

/* ERR_USAGE, without anything of the password in the text. */
bool redis_url_parse(const char *text, struct redis_url *url, struct err *e);
