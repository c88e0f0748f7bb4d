/* place: a location as plans and projects name it, and as an indicator does, which knows less. */
#include "tasks/ocha/ocha.h"

enum ocha_read ocha_read_place(struct ocha_run *run, const struct js *place, int number, struct err *e)
{
    static const struct column columns[] = {
        {"external_id", "id", COLUMN_ID, .required = true},
        {"name", NULL, COLUMN_TEXT, .required = true, .max = 254},
        {"p_code", "pcode", COLUMN_TEXT, .max = 32, .fallback = "\"\""},
        {"admin_level", "adminLevel", COLUMN_INT, .fallback = "0"},
        {"latitude", NULL, COLUMN_DECIMAL},
        {"longitude", NULL, COLUMN_DECIMAL},
        {"parent", "parentId", COLUMN_ID},
        {0},
    };
    bool good = record_read(place, columns, NULL, &run->row, e) && ocha_stage(run, number, "place", e);
    return good ? OCHA_READ : OCHA_BAD;
}
