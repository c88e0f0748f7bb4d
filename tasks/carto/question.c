/* question: SQL in a form, rows and errors in JSON (CARTO's documentation, SQL API v2). */
#include "tasks/carto/carto.h"

#include <ctype.h>
#include <string.h>

static const char SQL_PATH[] = "/api/v2/sql";

static size_t word(const char *s)
{
    size_t length = 0;
    if (isalpha((unsigned char)*s) || *s == '_')
        while (isalnum((unsigned char)s[length]) || s[length] == '_')
            length++;
    return length;
}

bool carto_is_name(const char *name)
{
    size_t length = word(name);
    if (length > 0 && name[length] == '.') {
        name += length + 1;
        length = word(name);
    }
    return length > 0 && !name[length];
}

/* The upstream's URL may be the account's address or that of its SQL API. */
static const char *target(const struct carto_run *run)
{
    const char *origin = http_origin(run->http);
    size_t length = strlen(origin), path = strlen(SQL_PATH);
    return length > path && strcmp(origin + length - path, SQL_PATH) == 0 ? origin : SQL_PATH;
}

/* A good status, and yet an error beside the rows: they are not all. */
static bool judge(const struct records *records, struct err *e)
{
    const struct js *error = records_beside(records, "error");
    const char *words = js_text(error) ? js_text(error) : js_text(js_at(error, 0));
    if (js_is_null(error))
        return true;
    return err_set(e, ERR_LIMIT, "an error beside the rows: %.200s", words ? words : "without a word");
}

struct records *carto_ask(struct carto_run *run, const char *question, struct err *e)
{
    struct text form CLEANUP(text_free) = {0};
    text_puts(&form, "q=");
    http_escape(&form, question);
    struct records *records = http_post_records(run->http, target(run), text_str(&form), "rows", e);
    if (records && judge(records, e))
        return records;
    records_free(records);
    return NULL;
}
