/* ocha: who may ask, the envelope around each answer, and pages of flows. */
#include "sandbox/ocha/ocha.h"

#include "sandbox/write.h"
#include <stdlib.h>
#include <string.h>

static void answer_error(struct answer *a, int status, const char *code, const char *message)
{
    a->status = status;
    text_reset(&a->body);
    write_open(&a->body, NULL, '{');
    write_text(&a->body, "status", "error");
    write_text(&a->body, "code", code);
    write_text(&a->body, "message", message);
    write_close(&a->body, '}');
}

/* Whoever logs in may ask as often as they like, anybody else once in a while. */
static bool may_ask(struct ocha *o, const struct request *r, struct answer *a)
{
    const struct occasion occasion = {.path = r->below, .offset = -1, .id = -1};
    usec_t now = clock_boot(), gap = MSEC(o->quirks->rules[QUIRK_ANONYMOUS_LIMIT].value);
    if (r->user) {
        bool known = r->password && strcmp(r->user, o->user) == 0 && strcmp(r->password, o->password) == 0;
        if (!known)
            answer_error(a, 401, "UnauthorizedError", "Invalid username or password");
        return known;
    }
    if (o->asked_at > 0 && now - o->asked_at < gap && quirks_fire(o->quirks, QUIRK_ANONYMOUS_LIMIT, &occasion)) {
        answer_error(a, 429, "TooManyRequestsError", "You have exceeded the rate limit of one request a second");
        a->retry_after = 1;
        return false;
    }
    o->asked_at = now;
    return true;
}

static void open_envelope(struct ocha *o, const struct request *r, struct answer *a)
{
    const struct occasion occasion = {.path = r->below, .offset = -1, .id = r->id};
    bool bad = quirks_fire(o->quirks, QUIRK_BAD_STATUS, &occasion);
    write_open(&a->body, NULL, '{');
    write_text(&a->body, "status", bad ? "Internal Server Error" : "ok");
    if (bad)
        write_text(&a->body, "message", "Unexpected end of data");
    text_puts(&a->body, ",\"data\":");
}

static void close_envelope(struct answer *a, int64_t count, const char *next)
{
    write_open(&a->body, "meta", '{');
    write_text(&a->body, "language", "en");
    write_int(&a->body, "count", count);
    if (next)
        write_text(&a->body, "nextLink", next);
    write_close(&a->body, '}');
    write_close(&a->body, '}');
}

static bool give_saved(const struct ocha *o, enum ocha_payload payload, int64_t id, struct answer *a)
{
    const struct text *saved = ocha_saved(o, payload, id);
    if (saved)
        text_add(&a->body, saved->data, saved->len);
    else if (o->files_count > 0)
        answer_error(a, 404, "NotFoundError", "No such payload was saved");
    return saved || o->files_count > 0;
}

static void serve_plan(void *state, const struct request *r, struct answer *a)
{
    struct ocha *o = state;
    const char *content = request_arg(r, "content");
    bool measurements = content && strcmp(content, "measurements") == 0;
    if (!may_ask(o, r, a) || give_saved(o, measurements ? OCHA_MEASUREMENTS : OCHA_PLAN, r->id, a))
        return;
    if (!ocha_has_plan(o, r->id)) {
        answer_error(a, 404, "NotFoundError", "Plan not found");
        return;
    }
    open_envelope(o, r, a);
    ocha_write_plan(o, r->id, measurements, &a->body);
    close_envelope(a, 1, NULL);
}

static void serve_plans(void *state, const struct request *r, struct answer *a)
{
    struct ocha *o = state;
    if (!may_ask(o, r, a))
        return;
    open_envelope(o, r, a);
    ocha_write_plans(o, &a->body);
    close_envelope(a, 1, NULL);
}

static void serve_projects(void *state, const struct request *r, struct answer *a)
{
    struct ocha *o = state;
    if (!may_ask(o, r, a))
        return;
    open_envelope(o, r, a);
    ocha_write_projects(o, r->id, &a->body);
    close_envelope(a, 1, NULL);
}

static void serve_project(void *state, const struct request *r, struct answer *a)
{
    struct ocha *o = state;
    if (!may_ask(o, r, a) || give_saved(o, OCHA_PROJECT, r->id, a))
        return;
    if (!ocha_has_project(o, r->id)) {
        answer_error(a, 404, "NotFoundError", "Project not found");
        return;
    }
    open_envelope(o, r, a);
    ocha_write_project(o, r->id, &a->body);
    close_envelope(a, 1, NULL);
}

/* Without a saved list of its own a saved project has none. */
static void serve_uses(void *state, const struct request *r, struct answer *a)
{
    struct ocha *o = state;
    if (!may_ask(o, r, a) || (ocha_saved(o, OCHA_ATTACHMENTS, r->id) && give_saved(o, OCHA_ATTACHMENTS, r->id, a)))
        return;
    open_envelope(o, r, a);
    if (o->files_count > 0)
        text_puts(&a->body, "[]");
    else
        ocha_write_uses(o, r->id, &a->body);
    close_envelope(a, 1, NULL);
}

static void serve_organizations(void *state, const struct request *r, struct answer *a)
{
    struct ocha *o = state;
    if (!may_ask(o, r, a) || give_saved(o, OCHA_ORGANIZATIONS, -1, a))
        return;
    open_envelope(o, r, a);
    ocha_write_organizations(o, &a->body);
    close_envelope(a, 1, NULL);
}

static void serve_groups(void *state, const struct request *r, struct answer *a)
{
    struct ocha *o = state;
    if (!may_ask(o, r, a) || (ocha_saved(o, OCHA_GROUPS, -1) && give_saved(o, OCHA_GROUPS, -1, a)))
        return;
    open_envelope(o, r, a);
    ocha_write_groups(&a->body);
    close_envelope(a, 1, NULL);
}

static int64_t number_arg(const struct request *r, const char *name, int64_t fallback)
{
    const char *text = request_arg(r, name);
    return text && *text ? strtoll(text, NULL, 10) : fallback;
}

static void write_page(struct ocha *o, const struct request *r, int64_t page, struct answer *a)
{
    int64_t plan = number_arg(r, "planId", -1), project = number_arg(r, "projectId", -1);
    int64_t total = ocha_flows(o, plan, project), first = (page - 1) * OCHA_FLOWS_A_PAGE, end = first + OCHA_FLOWS_A_PAGE;
    const struct occasion occasion = {.path = r->below, .offset = first, .id = -1};
    bool circles = quirks_fire(o->quirks, QUIRK_CIRCLING_PAGES, &occasion);
    struct text number = {0}, next = {0};
    end = end < total ? end : total;
    if (page > 1 && quirks_fire(o->quirks, QUIRK_REPEATED_ROWS, &occasion))
        first--;
    open_envelope(o, r, a);
    write_open(&a->body, NULL, '{');
    write_open(&a->body, "incoming", '{');
    write_int(&a->body, "flowCount", total);
    write_close(&a->body, '}');
    write_open(&a->body, "flows", '[');
    for (int64_t i = first; i < end; i++)
        ocha_write_flow(o, plan, project, i, &a->body);
    write_close(&a->body, ']');
    write_close(&a->body, '}');
    text_printf(&number, "%lld", (long long)(circles ? 1 : page + 1));
    const struct pair change = {"page", text_str(&number)};
    request_link(r, &change, 1, &next);
    close_envelope(a, end - first, end < total || circles ? text_str(&next) : NULL);
    text_free(&number);
    text_free(&next);
}

static void serve_flows(void *state, const struct request *r, struct answer *a)
{
    struct ocha *o = state;
    int64_t page = number_arg(r, "page", 1), id = number_arg(r, "planId", number_arg(r, "projectId", -1));
    if (!may_ask(o, r, a) || give_saved(o, OCHA_FLOWS, -1, a))
        return;
    if (id < 0 || page < 1)
        answer_error(a, 400, "BadRequestError", "One of planId and projectId is required");
    else
        write_page(o, r, page, a);
}

const struct route ocha_routes[] = {{"GET", "/v1/public/rpm/plan/id/<id>", serve_plan},
                                    {"GET", "/v1/public/plan/country/<word>", serve_plans},
                                    {"GET", "/v1/public/project/plan/<id>", serve_projects},
                                    {"GET", "/v1/public/organization", serve_organizations},
                                    {"GET", "/v1/public/fts/flow", serve_flows},
                                    {"GET", "/v2/public/project/<id>", serve_project},
                                    {"GET", "/v2/public/project/<id>/attachments", serve_uses},
                                    {"GET", "/v2/public/disaggregation-category-group", serve_groups},
                                    {0}};

void ocha_reset(void *state)
{
    ((struct ocha *)state)->asked_at = 0;
}
