/* sandbox: find the route, check who asks, let quirks have their say, ask the upstream, count. */
#include "sandbox/sandbox.h"

#include "sandbox/faults.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char ADMIN[] = "/_sandbox";

struct target {
    const struct upstream *upstream; /* NULL: the sandbox itself */
    const struct route *route;       /* NULL: nothing there */
    void *state;
    bool other_method;
};

static struct target target_in(const struct upstream *u, struct request *r, const char *below)
{
    struct target t = {.upstream = u, .state = u->state};
    r->below = below;
    t.route = route_find(u->routes, r, below, &t.other_method);
    return t;
}

static struct target find_target(struct sandbox *s, struct request *r)
{
    if (strncmp(r->path, ADMIN, strlen(ADMIN)) == 0) {
        struct target t = {.state = s};
        r->below = r->path;
        t.route = route_find(admin_routes, r, r->path + strlen(ADMIN), &t.other_method);
        if (t.route || t.other_method)
            return t;
    }
    for (size_t i = 0; i < s->upstreams_count; i++) {
        size_t length = strlen(s->upstreams[i].name);
        if (r->path[0] == '/' && strncmp(r->path + 1, s->upstreams[i].name, length) == 0 && r->path[1 + length] == '/')
            return target_in(&s->upstreams[i], r, r->path + 1 + length);
    }
    return target_in(&s->upstreams[0], r, r->path);
}

/* Controls live below "/_sandbox" of the sandbox or of an upstream. */
static bool is_control(const struct target *t)
{
    return !t->upstream || strncmp(t->route->pattern, ADMIN, strlen(ADMIN)) == 0;
}

static bool may_enter(const struct sandbox *s, const struct target *t, const struct request *r, struct answer *a)
{
    if (t->upstream && t->upstream->open && t->route && !is_control(t))
        return true;
    if (r->user && r->password && strcmp(r->user, s->user) == 0 && strcmp(r->password, s->password) == 0)
        return true;
    answer_detail(a, 401, r->user ? "Invalid username/password." : "Authentication credentials were not provided.");
    a->challenge = true;
    return false;
}

static int64_t number_arg(const struct request *r, const char *name, int64_t fallback)
{
    const char *text = request_arg(r, name);
    char *end;
    if (!text || !*text)
        return fallback;
    int64_t value = strtoll(text, &end, 10);
    return *end ? fallback : value;
}

static void serve(struct sandbox *s, const struct target *t, const struct request *r, struct answer *a)
{
    const struct occasion o = {.workspace = request_arg(r, "workspace"),
                               .path = r->below,
                               .offset = number_arg(r, "offset", 0),
                               .id = number_arg(r, "id", r->id)};
    a->status = 200;
    if (is_control(t)) {
        t->route->serve(t->state, r, a);
    } else if (!faults_instead(&s->quirks, &o, r, a)) {
        t->route->serve(t->state, r, a);
        faults_after(&s->quirks, &o, r, a);
    }
}

static void count(struct sandbox *s, const struct target *t, const struct request *r, const struct answer *a)
{
    struct text words = {.max = COUNTERS_LINE_MAX};
    if (t->route && is_control(t))
        return;
    text_printf(&words, "%s %s", r->method, r->path);
    for (size_t i = 0; i < r->args_count; i++)
        text_printf(&words, "%c%s=%s", i ? '&' : '?', r->args[i].name, r->args[i].value);
    counters_add(&s->counters, t->route ? t->route->pattern : "(none)", a->delivery == DELIVER_NOTHING ? 0 : a->status,
                 text_str(&words));
    text_free(&words);
}

void sandbox_answer(struct sandbox *s, struct request *r, struct answer *a)
{
    a->body.max = ANSWER_BODY_MAX;
    pthread_mutex_lock(&s->lock);
    counters_begin(&s->counters);
    struct target t = find_target(s, r);
    if (may_enter(s, &t, r, a)) {
        if (t.route)
            serve(s, &t, r, a);
        else if (t.other_method)
            answer_detail(a, 405, "Method \"%s\" not allowed.", r->method);
        else
            answer_detail(a, 404, "Not found.");
    }
    count(s, &t, r, a);
    pthread_mutex_unlock(&s->lock);
}

void sandbox_done(struct sandbox *s)
{
    pthread_mutex_lock(&s->lock);
    counters_end(&s->counters);
    pthread_mutex_unlock(&s->lock);
}
