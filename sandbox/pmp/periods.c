/* periods: cut from the document's own dates, newest first as the server lists them. */
#include "sandbox/pmp/periods.h"

#include "sandbox/dice.h"
#include "sandbox/write.h"
#include <stdlib.h>

enum { PERIODS_MAX = 32, DAYS_TO_REPORT = 30, HUMANITARIAN_PERCENT = 30 };

struct period {
    int64_t id, start, end;
    const char *type;
};

/* The first day of the month `months` later. */
static int64_t month_later(int64_t day, int months)
{
    int64_t year;
    int month, day_of_month;
    date_from_days(day, &year, &month, &day_of_month);
    int64_t index = year * 12 + month - 1 + months;
    return days_from_date(index / 12, (int)(index % 12) + 1, 1);
}

static size_t cut(const struct document *doc, const char *type, int months, int64_t first_id, struct period *out)
{
    size_t count = 0;
    for (int64_t day = doc->start; day < doc->end && count < PERIODS_MAX; count++) {
        int64_t next = month_later(day, months);
        out[count] = (struct period){.id = first_id + (int64_t)count, .start = day, .end = next - 1, .type = type};
        if (out[count].end > doc->end)
            out[count].end = doc->end;
        day = next;
    }
    return count;
}

static int newest_first(const void *a, const void *b)
{
    const struct period *x = a, *y = b;
    return x->start != y->start ? (x->start < y->start) - (x->start > y->start) : (x->id < y->id) - (x->id > y->id);
}

void periods_write(const struct document *doc, struct text *out)
{
    struct period periods[2 * PERIODS_MAX] = {0};
    size_t count = 0;
    if (doc->start && doc->end && !doc->government) {
        count = cut(doc, "QPR", 3, doc->id * 2 * PERIODS_MAX, periods);
        if (doc->hash / 7 % 100 < HUMANITARIAN_PERCENT)
            count += cut(doc, "HR", 1, (doc->id * 2 + 1) * PERIODS_MAX, periods + count);
    }
    qsort(periods, count, sizeof *periods, newest_first);
    write_open(out, "reporting_requirements", '[');
    for (size_t i = 0; i < count; i++) {
        write_open(out, NULL, '{');
        write_int(out, "id", periods[i].id);
        write_date(out, "start_date", periods[i].start);
        write_date(out, "end_date", periods[i].end);
        write_date(out, "due_date", periods[i].end + DAYS_TO_REPORT);
        write_text(out, "report_type", periods[i].type);
        write_close(out, '}');
    }
    write_close(out, ']');
}

void periods_write_special(const struct document *doc, struct text *out)
{
    static const char *const subjects[] = {"Lessons learned", "Report to the donor", "Case studies"};
    struct dice d = dice_new(dice_hash(doc->hash, 5, 0, 0));
    int64_t count = doc->start ? dice_between(&d, -2, 2) : 0;
    write_open(out, "special_reports", '[');
    for (int64_t i = 0; i < count; i++) {
        write_open(out, NULL, '{');
        write_int(out, "id", doc->id * 3 + i);
        write_date(out, "due_date", doc->start + dice_between(&d, 60, 400));
        write_text(out, "description", subjects[dice_roll(&d, 3)]);
        write_close(out, '}');
    }
    write_close(out, ']');
}
