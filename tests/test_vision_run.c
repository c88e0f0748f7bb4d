/* test_vision_run: what the test programs of VISION's lists share. */
#include "tests/test_vision_run.h"
#include "tests/fixture/cluster.h"

#include <check.h>
#include <stdio.h>

enum { ANSWERS_MAX = 32 };

struct pg *vision_pg;
static const char *url, *key;
static char upstream[128];

void vision_use(const char *database)
{
    url = database;
}

void vision_set_up(void)
{
    vision_pg = test_connect(url);
    key = "drumbeat";
    test_sql(vision_pg, "TRUNCATE registry.workspace, registry.organization, registry.location, registry.partner, registry.person, registry.notification,"
                        " registry.sync_log, drumbeat.attempt_lock, drumbeat.batch RESTART IDENTITY CASCADE;"
                        "DELETE FROM drumbeat.task_body;"
                        "INSERT INTO registry.workspace (title, workspace_code, business_area_code) VALUES ('Tamoru', 'TM', '0160'), ('Besana', 'BS', '0250'),"
                        " ('Global', 'GL', '0')");
}

void vision_set_up_sandbox(void)
{
    static const char *const nothing[] = {NULL};
    sandbox_start(nothing);
    snprintf(upstream, sizeof upstream, "%s/vision", sandbox_base());
    vision_set_up();
}

void vision_tear_down(void)
{
    sandbox_stop();
    scripted_stop();
    pg_close(vision_pg);
}

void vision_ask(const char *base)
{
    snprintf(upstream, sizeof upstream, "%s", base);
}

void vision_show_key(const char *shown)
{
    key = shown;
}

void vision_answer_texts(const char *const *texts)
{
    static struct scripted rows[ANSWERS_MAX + 1];
    size_t count = 0;
    for (; texts[count]; count++) {
        ck_assert_int_lt(count, ANSWERS_MAX);
        rows[count] = (struct scripted){.answer = scripted_json(200, "", texts[count])};
    }
    rows[count] = (struct scripted){0};
    scripted_stop();
    scripted_start(rows, upstream);
}

void vision_answer(const char *rows)
{
    vision_answer_texts((const char *const[]){scripted_keep("{\"ROWSET\":{\"ROW\":%s}}", rows), NULL});
}

struct test_run *vision_run(const struct handler *handler, const char *args, int64_t cancel_after)
{
    const struct test_runner runner = {.database = url, .upstream = upstream, .key = key, .cancel_after = cancel_after};
    return test_run(&runner, handler, args);
}

void vision_succeed_with(const struct handler *handler, const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = vision_run(handler, args, 0);
    ck_assert_msg(r->end.success, "%s %s: %s", handler->name, args, r->end.error.text);
}

void vision_succeed(const struct handler *handler)
{
    vision_succeed_with(handler, VISION_AREA);
}

enum err_kind vision_fail_with(const struct handler *handler, const char *args)
{
    struct test_run *r CLEANUP(test_run_freep) = vision_run(handler, args, 0);
    ck_assert(!r->end.success);
    return r->end.error.kind;
}

const char *vision_value(const char *query)
{
    return scripted_keep("%s", test_text(vision_pg, query));
}

const char *vision_last(const char *handler)
{
    return vision_value(scripted_keep("SELECT concat_ws(' ', successful, fetched, created, updated, unchanged, skipped, deactivated, failed)"
                                      " FROM registry.sync_log WHERE handler_name = '%s' AND business_area_code = '0160' ORDER BY id DESC LIMIT 1",
                                      handler));
}

const char *vision_notes(const char *handler)
{
    return vision_value(scripted_keep("SELECT coalesce(string_agg(n.value->>'note', '; ' ORDER BY n.ordinality), '') FROM (SELECT data FROM registry.sync_log"
                                      " WHERE handler_name = '%s' AND business_area_code = '0160' ORDER BY id DESC LIMIT 1) l,"
                                      " jsonb_array_elements(l.data->'notes') WITH ORDINALITY n",
                                      handler));
}

#define ROWS_OF(table) "SELECT '" table "' || t.xmin || t::text AS line FROM registry." table " t"

const char *vision_snapshot(void)
{
    return vision_value("SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (" ROWS_OF("organization") " UNION ALL " ROWS_OF("partner_organization") " UNION ALL "
                        ROWS_OF("core_values_assessment") " UNION ALL " ROWS_OF("planned_engagement") " UNION ALL " ROWS_OF("fr_header") " UNION ALL "
                        ROWS_OF("fr_item") " UNION ALL " ROWS_OF("fc_header") " UNION ALL " ROWS_OF("fc_item") " UNION ALL " ROWS_OF("country_programme")
                        " UNION ALL " ROWS_OF("result") " UNION ALL " ROWS_OF("indicator") " UNION ALL " ROWS_OF("face_form") " UNION ALL "
                        ROWS_OF("ewp_workplan") " UNION ALL " ROWS_OF("ewp_activity") " UNION ALL " ROWS_OF("ewp_activity_location") " UNION ALL "
                        ROWS_OF("ewp_activity_partner") " UNION ALL " ROWS_OF("notification") ") t");
}
