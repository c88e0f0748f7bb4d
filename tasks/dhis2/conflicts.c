/* conflicts: which data values an answer means. A conflict names one by its index (since 2.37), by a member of it (`objects`), or by
 * whatever stood in the way: an element, an org unit, a period, the value itself; and often says the rest in words. A value is
 * meant when all that is known in the conflict stands in it, and the server's count of what it ignored has to agree. */
#include "tasks/dhis2/send.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = 16, NAME_MAX = 128, UID_LENGTH = 11 };

struct names {
    char name[NAMES_MAX][NAME_MAX];
    int count;
};

struct search {
    const char *name;
    bool found;
};

static bool look_at(void *data, const char *key, const struct js *value)
{
    struct search *search = data;
    const char *text = js_text(value);
    search->found = strcmp(key, "comment") != 0 && text && strcmp(text, search->name) == 0;
    return !search->found;
}

static bool stands_in(const struct dhis2_item *item, const char *name)
{
    struct search search = {.name = name};
    js_each(item->json, look_at, &search);
    return search.found;
}

static void add_name(struct names *names, const char *text, size_t length)
{
    if (length > 0 && length < NAME_MAX && names->count < NAMES_MAX)
        snprintf(names->name[names->count++], NAME_MAX, "%.*s", (int)length, text);
}

static bool add_member(void *data, const char *key, const struct js *value)
{
    const char *text = js_text(value);
    (void)key;
    if (text)
        add_name(data, text, strlen(text));
    return true;
}

/* Ids within the sentence: "Data element: FC3nR54yGUx must be assigned …". */
static void add_uids(struct names *names, const char *words)
{
    for (size_t length; words && *words; words += length) {
        length = strcspn(words, " :,;.()[]`'\"");
        if (length == UID_LENGTH && isalpha((unsigned char)*words))
            add_name(names, words, length);
        length += length == 0;
    }
}

/* What the conflict names, as far as some item of the slice has it. */
static void read_names(const struct js *conflict, struct dhis2_item *const *items, size_t count, struct names *known)
{
    struct names all = {0};
    const char *object = js_text(js_get(conflict, "object"));
    known->count = 0;
    add_name(&all, object ? object : "", object ? strlen(object) : 0);
    js_each(js_get(conflict, "objects"), add_member, &all);
    add_uids(&all, js_text(js_get(conflict, "value")));
    for (int n = 0; n < all.count; n++)
        for (size_t i = 0; i < count; i++)
            if (stands_in(items[i], all.name[n])) {
                add_name(known, all.name[n], strlen(all.name[n]));
                break;
            }
}

static bool is_meant(const struct dhis2_item *item, const struct names *names)
{
    for (int n = 0; n < names->count; n++)
        if (!stands_in(item, names->name[n]))
            return false;
    return names->count > 0;
}

/* Set meant[] for the items of this conflict; how many they are. */
static size_t find_meant(const struct js *conflict, struct dhis2_item *const *items, size_t count, bool *meant)
{
    struct names names;
    const struct js *indexes = js_get(conflict, "indexes");
    size_t found = 0;
    memset(meant, 0, count * sizeof *meant);
    for (size_t i = 0; i < js_count(indexes); i++) {
        int64_t index;
        if (js_integer(js_at(indexes, i), &index) && index >= 0 && index < (int64_t)count && !meant[index]) {
            meant[index] = true;
            found++;
        }
    }
    if (js_count(indexes) > 0)
        return found;
    read_names(conflict, items, count, &names);
    for (size_t i = 0; i < count; i++) {
        meant[i] = is_meant(items[i], &names);
        found += meant[i];
    }
    return found;
}

/* Does every conflict mean some item, and do they come to what the server says it ignored? Without such a count each must mean one. */
static bool is_clear(const struct js *summary, const struct js *conflicts, struct dhis2_item *const *items, size_t count)
{
    bool meant[DHIS2_SLICE_MAX], any[DHIS2_SLICE_MAX] = {0};
    const struct js *counts = js_get(summary, "importCount");
    int64_t ignored = -1, found = 0;
    js_integer(js_get(counts ? counts : js_get(summary, "import_count"), "ignored"), &ignored);
    for (size_t c = 0; c < js_count(conflicts); c++) {
        size_t here = find_meant(js_at(conflicts, c), items, count, meant);
        if (here == 0 || (ignored < 0 && here > 1))
            return false;
        for (size_t i = 0; i < count; i++)
            any[i] |= meant[i];
    }
    for (size_t i = 0; i < count; i++)
        found += any[i];
    return ignored < 0 || found == ignored;
}

enum dhis2_verdict dhis2_judge_values(const struct js *summary, struct dhis2_item *const *items, size_t count)
{
    bool meant[DHIS2_SLICE_MAX] = {true};
    const struct js *conflicts = js_get(summary, "conflicts");
    if (js_count(conflicts) == 0)
        return dhis2_is_success(summary) ? DHIS2_TAKEN : DHIS2_UNCLEAR;
    if (count > 1 && !is_clear(summary, conflicts, items, count))
        return DHIS2_UNCLEAR;
    for (size_t c = 0; c < js_count(conflicts); c++) {
        if (count > 1)
            find_meant(js_at(conflicts, c), items, count, meant);
        for (size_t i = 0; i < count; i++)
            if (meant[i])
                dhis2_blame(items[i], js_at(conflicts, c));
    }
    return DHIS2_TAKEN;
}
