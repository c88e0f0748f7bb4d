/* saved: answers of a real server, and the status that each says. */
#include "sandbox/dhis2/dhis2.h"

#include "common/base/json.h"
#include "sandbox/saved.h"

static const char FOLDER[] = "dhis2";

bool dhis2_has_saved(const struct dhis2 *d)
{
    static const char *const endings[] = {"orgunits*.json", "Levels.json", "groupsets.json", "datavalues-*.json"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (saved_any(d->data, FOLDER, endings[i]))
            return true;
    return false;
}

/* An error says its own status. */
static int status_of(const struct text *body)
{
    struct err e;
    int64_t status = 200;
    struct js *answer = js_parse(text_str(body), body->len, &e);
    js_integer(js_get(answer, "httpStatusCode"), &status);
    js_free(answer);
    return (int)status;
}

bool dhis2_serve_saved(const struct dhis2 *d, const char *ending, int n, struct answer *a)
{
    if (!saved_read(d->data, FOLDER, ending, n, &a->body))
        return false;
    a->status = status_of(&a->body);
    return true;
}
