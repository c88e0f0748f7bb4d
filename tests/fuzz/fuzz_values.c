/* Any bytes as a duration, a size, a moment and a UUID: refused, or read, and then what is written is read as the same. */
#include "common/base/clock.h"
#include "common/base/size.h"
#include "common/base/text.h"
#include "common/base/uuid.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static void promise_refusal(const struct err *e)
{
    promise(e->kind == ERR_USAGE && *e->text);
}

static void try_duration(const char *text)
{
    struct err e = {0};
    char written[CLOCK_TEXT_MAX];
    usec_t value, again;
    if (!duration_parse(text, &value, &e)) {
        promise_refusal(&e);
        return;
    }
    promise(value >= 0);
    promise(duration_parse(duration_format(value, written), &again, &e) && again == value);
}

static void try_size(const char *text)
{
    struct err e = {0};
    char written[SIZE_TEXT_MAX];
    int64_t value, again;
    if (!size_parse(text, &value, &e)) {
        promise_refusal(&e);
        return;
    }
    promise(value >= 0);
    /* Above, the number written has more digits than are read. */
    promise(value >= (int64_t)1 << 49 || (size_parse(size_format(value, written), &again, &e) && again == value));
}

static void try_moment(const char *text)
{
    const usec_t year_0 = days_from_date(0, 1, 1) * DAYS(1), year_10000 = days_from_date(10000, 1, 1) * DAYS(1);
    struct err e = {0};
    char written[CLOCK_TEXT_MAX];
    usec_t value, again;
    if (!clock_parse(text, &value, &e)) {
        promise_refusal(&e);
        return;
    }
    /* An offset may lead out of the years that have four digits. */
    if (value >= year_0 && value < year_10000)
        promise(clock_parse(clock_format(value, written), &again, &e) && again == value);
}

static void try_uuid(const char *text)
{
    char written[UUID_TEXT_MAX];
    struct uuid value, again;
    promise(!uuid_parse(text, &value) || (uuid_parse(uuid_format(value, written), &again) && uuid_equal(value, again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text text CLEANUP(text_free) = {0};
    text_add(&text, data, size);
    try_duration(text_str(&text));
    try_size(text_str(&text));
    try_moment(text_str(&text));
    try_uuid(text_str(&text));
    return 0;
}
