/* faults: each row is a quirk and the answer it gives; delays and damage are functions of their own. */
#include "sandbox/faults.h"

#include <inttypes.h>

static const char PROXY[] = "<hr><center>nginx</center>";

static void too_many(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)r;
    answer_detail(a, 429, "Request was throttled. Expected available in %" PRId64 " seconds.", rule->after);
    a->retry_after = rule->after;
}

static void server_error(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)rule, (void)r;
    answer_html(a, 500, "Server Error (500)", "");
}

static void bad_gateway(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)rule, (void)r;
    answer_html(a, 502, "502 Bad Gateway", PROXY);
}

static void unavailable(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)r;
    answer_html(a, 503, "503 Service Temporarily Unavailable", PROXY);
    a->retry_after = rule->after;
}

static void gateway_timeout(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)rule, (void)r;
    answer_html(a, 504, "504 Gateway Time-out", PROXY);
}

static void auth_failure(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)rule, (void)r;
    answer_detail(a, 401, "Invalid username/password.");
    a->challenge = true;
}

static void forbidden(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)rule, (void)r;
    answer_detail(a, 403, "You do not have permission to perform this action.");
}

static void login_page(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)rule, (void)r;
    answer_html(a, 200, "Log in",
                "<form method=\"post\"><input name=\"username\"><input name=\"password\" type=\"password\"></form>");
}

static void redirect_loop(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)rule;
    a->status = 302;
    request_link(r, NULL, 0, &a->location);
}

static void drop(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)rule, (void)r;
    a->delivery = DELIVER_NOTHING;
}

static void hang(const struct quirk_rule *rule, const struct request *r, struct answer *a)
{
    (void)r;
    a->wait = SECONDS(rule->value);
    a->delivery = DELIVER_NOTHING;
}

static const struct {
    enum quirk quirk;
    void (*answer)(const struct quirk_rule *rule, const struct request *r, struct answer *a);
} instead[] = {
    {QUIRK_HANG, hang},
    {QUIRK_DROP, drop},
    {QUIRK_AUTH_FAILURE, auth_failure},
    {QUIRK_FORBIDDEN, forbidden},
    {QUIRK_TOO_MANY, too_many},
    {QUIRK_SERVER_ERROR, server_error},
    {QUIRK_BAD_GATEWAY, bad_gateway},
    {QUIRK_UNAVAILABLE, unavailable},
    {QUIRK_GATEWAY_TIMEOUT, gateway_timeout},
    {QUIRK_LOGIN_PAGE, login_page},
    {QUIRK_REDIRECT_LOOP, redirect_loop},
};

bool faults_instead(struct quirks *q, const struct occasion *o, const struct request *r, struct answer *a)
{
    if (quirks_fire(q, QUIRK_SLOW, o))
        a->wait = MSEC(q->rules[QUIRK_SLOW].value);
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++) {
        if (!quirks_fire(q, instead[i].quirk, o))
            continue;
        instead[i].answer(&q->rules[instead[i].quirk], r, a);
        return true;
    }
    return false;
}

static void truncate_body(struct answer *a)
{
    a->body.len /= 2;
    a->body.data[a->body.len] = '\0';
}

void faults_after(struct quirks *q, const struct occasion *o, const struct request *r, struct answer *a)
{
    if (a->status != 200 || a->body.len == 0)
        return;
    if (quirks_fire(q, QUIRK_TRUNCATED, o))
        truncate_body(a);
    if (quirks_fire(q, QUIRK_CUT_OFF, o))
        a->delivery = DELIVER_CUT_OFF;
    if (quirks_fire(q, QUIRK_CUT_CHUNKED, o))
        a->delivery = DELIVER_CUT_CHUNKED;
    if (quirks_fire(q, QUIRK_HUGE, o))
        a->blanks = (size_t)q->rules[QUIRK_HUGE].value << 20;
    if (r->gzip && a->blanks == 0 && quirks_fire(q, QUIRK_GZIP, o))
        a->gzip = true;
}
