/* metadata: which objects POST /api/metadata did not take: typeReports[].objectReports[] names them with their errors, or the answer is about
 * the only one. With status ERROR nothing was taken unless the counts say otherwise. */
#include "tasks/dhis2/send.h"

#include <string.h>

static void blame_all(struct dhis2_item *item, const struct js *errors)
{
    for (size_t i = 0; i < js_count(errors); i++)
        dhis2_blame(item, js_at(errors, i));
}

/* By its id, else by its index. */
static struct dhis2_item *find_item(const struct js *report, struct dhis2_item *const *items, size_t count)
{
    const char *uid = js_text(js_get(report, "uid"));
    int64_t index = -1;
    for (size_t i = 0; uid && i < count; i++)
        if (strcmp(items[i]->id, uid) == 0)
            return items[i];
    if (!uid && js_integer(js_get(report, "index"), &index) && index >= 0 && index < (int64_t)count)
        return items[index];
    return count == 1 ? items[0] : NULL;
}

/* False: some errors are of an object that was not sent. */
static bool blame_reported(const struct js *summary, struct dhis2_item *const *items, size_t count)
{
    const struct js *types = js_get(summary, "typeReports");
    bool known = true;
    for (size_t t = 0; t < js_count(types); t++) {
        const struct js *objects = js_get(js_at(types, t), "objectReports");
        for (size_t o = 0; o < js_count(objects); o++) {
            const struct js *errors = js_get(js_at(objects, o), "errorReports");
            struct dhis2_item *item = js_count(errors) > 0 ? find_item(js_at(objects, o), items, count) : NULL;
            known = known && (item || js_count(errors) == 0);
            if (item)
                blame_all(item, errors);
        }
    }
    if (count == 1)
        blame_all(items[0], js_get(summary, "errorReports"));
    return known;
}

static int64_t counted(const struct js *summary, const char *name)
{
    int64_t count = 0;
    js_integer(js_get(js_get(summary, "stats"), name), &count);
    return count;
}

enum dhis2_verdict dhis2_judge_metadata(const struct js *summary, struct dhis2_item *const *items, size_t count)
{
    const char *status = js_text(js_get(summary, "status"));
    bool known = blame_reported(summary, items, count), warning = status && strcmp(status, "WARNING") == 0;
    int64_t blamed = 0, taken = counted(summary, "created") + counted(summary, "updated");
    for (size_t i = 0; i < count; i++)
        blamed += items[i]->told > 0;
    if (blamed == 0 && known && (dhis2_is_success(summary) || (warning && counted(summary, "ignored") == 0)))
        return DHIS2_TAKEN;
    if (blamed == 0)
        return DHIS2_UNCLEAR;
    bool rest_taken = dhis2_is_success(summary) || warning || taken == (int64_t)count - blamed;
    return rest_taken ? DHIS2_TAKEN : DHIS2_NOT_TAKEN;
}
