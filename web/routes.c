/* routes: the table of paths and the answers of those that are short. A new path is a function and a row. */
#include "web/routes.h"
#include "web/metrics.h"

#include <string.h>

#define PROBLEM_TYPE "application/problem+json"

static const char *title_of(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {404, "Not Found"}, {405, "Method Not Allowed"}, {413, "Content Too Large"}, {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

/* The members of a problem, without the brace that ends it. */
static void open_problem(struct answer *out, int status, const char *code, const char *detail)
{
    out->status = status;
    out->type = PROBLEM_TYPE;
    text_printf(&out->body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",\"detail\":",
                title_of(status), status, code);
    text_json_string(&out->body, detail, strlen(detail));
}

void answer_problem(struct answer *out, int status, const char *code, const char *detail)
{
    open_problem(out, status, code, detail);
    text_puts(&out->body, "}\n");
}

static void answer_livez(const struct web *web, struct answer *out)
{
    if (!health_turns(&web->look, clock_boot())) {
        answer_problem(out, 503, "not_alive", "the loop of this process has not come round for a minute");
        return;
    }
    out->type = "application/json";
    text_puts(&out->body, "{\"status\":\"pass\"}\n");
}

/* The reason of the first check that failed is the problem's detail. */
static void answer_not_ready(const struct finding findings[static HEALTH_CHECKS], struct answer *out)
{
    size_t i = 0;
    while (findings[i].verdict != VERDICT_FAIL)
        i++;
    open_problem(out, 503, "not_ready", findings[i].reason);
    text_puts(&out->body, ",\"checks\":");
}

static void answer_readyz(const struct web *web, struct answer *out)
{
    struct finding findings[HEALTH_CHECKS];
    enum verdict verdict = health_judge(&web->look, &web->rules, clock_boot(), findings);
    if (verdict == VERDICT_FAIL) {
        answer_not_ready(findings, out);
    } else {
        out->type = "application/json";
        text_printf(&out->body, "{\"status\":\"%s\",\"checks\":", health_verdict_name(verdict));
    }
    health_write(findings, &out->body);
    text_puts(&out->body, "}\n");
}

static void answer_metrics(const struct web *web, struct answer *out)
{
    out->type = METRICS_TYPE;
    metrics_write(web, &out->body);
}

static const struct {
    const char *path;
    void (*answer)(const struct web *web, struct answer *out); /* called with the state locked */
} routes[] = {
    {"/livez", answer_livez},
    {"/healthz", answer_livez},
    {"/readyz", answer_readyz},
    {"/metrics", answer_metrics},
};

void routes_answer(struct web *web, const char *method, const char *path, struct answer *out)
{
    size_t i = 0;
    *out = (struct answer){.status = 200};
    while (i < sizeof routes / sizeof *routes && strcmp(routes[i].path, path) != 0)
        i++;
    if (i == sizeof routes / sizeof *routes) {
        answer_problem(out, 404, "not_found", "there is /livez, /healthz, /readyz and /metrics");
    } else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        answer_problem(out, 405, "method_not_allowed", "only GET and HEAD are answered");
        out->allow = "GET, HEAD";
    } else {
        pthread_mutex_lock(&web->lock);
        routes[i].answer(web, out);
        pthread_mutex_unlock(&web->lock);
    }
}
