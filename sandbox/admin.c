/* admin: the sandbox's own paths, by which a test changes quirks while the server runs, and counts what was asked. */
#include "sandbox/sandbox.h"

#include "sandbox/write.h"

static void list_quirks(void *state, const struct request *r, struct answer *a)
{
    const struct sandbox *s = state;
    (void)r;
    quirks_write(&s->quirks, &a->body);
}

/* All of them or none: a rule that is wrong leaves everything as it was. */
static void set_quirks(void *state, const struct request *r, struct answer *a)
{
    struct sandbox *s = state;
    struct quirks next = s->quirks;
    struct err e = {0};
    for (size_t i = 0; i < r->args_count; i++) {
        if (!quirks_set(&next, r->args[i].name, r->args[i].value, &e)) {
            answer_detail(a, 400, "%s", e.text);
            return;
        }
    }
    s->quirks = next;
    quirks_write(&s->quirks, &a->body);
}

static void reset(void *state, const struct request *r, struct answer *a)
{
    struct sandbox *s = state;
    (void)r;
    s->quirks = s->quirks_at_start;
    counters_reset(&s->counters);
    for (size_t i = 0; i < s->upstreams_count; i++)
        s->upstreams[i].reset(s->upstreams[i].state);
    text_puts(&a->body, "{}");
}

static void list_requests(void *state, const struct request *r, struct answer *a)
{
    const struct sandbox *s = state;
    (void)r;
    counters_write(&s->counters, &a->body);
}

static void forget_requests(void *state, const struct request *r, struct answer *a)
{
    struct sandbox *s = state;
    (void)r;
    counters_reset(&s->counters);
    text_puts(&a->body, "{}");
}

const struct route admin_routes[] = {
    {"GET", "/quirks", list_quirks},     {"POST", "/quirks", set_quirks},          {"POST", "/reset", reset},
    {"GET", "/requests", list_requests}, {"DELETE", "/requests", forget_requests}, {0},
};
