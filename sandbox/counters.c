/* counters: fixed tables; a route or a status beyond the table is counted in the total only. */
#include "sandbox/counters.h"

#include "sandbox/write.h"
#include <stdio.h>
#include <string.h>

void counters_reset(struct counters *c)
{
    uint64_t now = c->now;
    memset(c, 0, sizeof *c);
    c->now = c->most_at_once = now;
}

void counters_begin(struct counters *c)
{
    c->now++;
    if (c->now > c->most_at_once)
        c->most_at_once = c->now;
}

void counters_end(struct counters *c)
{
    c->now--;
}

static void count_status(struct route_count *r, int status)
{
    for (size_t i = 0; i < COUNTERS_STATUSES_MAX; i++) {
        if (r->statuses[i].requests > 0 && r->statuses[i].status != status)
            continue;
        r->statuses[i].status = status;
        r->statuses[i].requests++;
        return;
    }
}

void counters_add(struct counters *c, const char *route, int status, const char *words)
{
    snprintf(c->last[c->total++ % COUNTERS_LAST_MAX], COUNTERS_LINE_MAX, "%d %s", status, words);
    for (size_t i = 0; i < COUNTERS_ROUTES_MAX; i++) {
        struct route_count *r = &c->routes[i];
        if (r->route && strcmp(r->route, route) != 0)
            continue;
        r->route = route;
        r->requests++;
        count_status(r, status);
        return;
    }
}

static void write_route(const struct route_count *r, struct text *out)
{
    char name[16];
    write_open(out, r->route, '{');
    write_int(out, "requests", (int64_t)r->requests);
    write_open(out, "statuses", '{');
    for (size_t i = 0; i < COUNTERS_STATUSES_MAX && r->statuses[i].requests > 0; i++) {
        snprintf(name, sizeof name, "%d", r->statuses[i].status);
        write_int(out, name, (int64_t)r->statuses[i].requests);
    }
    write_close(out, '}');
    write_close(out, '}');
}

void counters_write(const struct counters *c, struct text *out)
{
    write_open(out, NULL, '{');
    write_int(out, "total", (int64_t)c->total);
    write_int(out, "now", (int64_t)c->now);
    write_int(out, "most_at_once", (int64_t)c->most_at_once);
    write_open(out, "paths", '{');
    for (size_t i = 0; i < COUNTERS_ROUTES_MAX && c->routes[i].route; i++)
        write_route(&c->routes[i], out);
    write_close(out, '}');
    write_open(out, "last", '[');
    for (uint64_t i = c->total > COUNTERS_LAST_MAX ? c->total - COUNTERS_LAST_MAX : 0; i < c->total; i++)
        write_text(out, NULL, c->last[i % COUNTERS_LAST_MAX]);
    write_close(out, ']');
    write_close(out, '}');
}
