/* The schema: made once, by whoever comes first, and every statement fits it. */
#include "common/store/migrate.h"
#include "sql/queries.h"
#include "tests/fixture/cluster.h"
#include "tests/fixture/main.h"
#include "tests/fixture/process.h"

#include <check.h>
#include <string.h>

enum { AT_ONCE = 6 };

static struct test_cluster *cluster;

START_TEST(migrating_twice_does_nothing_the_second_time)
{
    struct pg *pg = test_connect(test_cluster_empty_database(cluster));
    struct err e;
    int applied = 0;
    ck_assert_msg(migrate(pg, &applied, &e), "%s", e.text);
    ck_assert_int_gt(applied, 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM drumbeat.migration"), applied);
    ck_assert_msg(migrate(pg, &applied, &e), "%s", e.text);
    ck_assert_int_eq(applied, 0);
    ck_assert(migrate_check(pg, &e));
    pg_close(pg);
}
END_TEST

START_TEST(several_at_once_make_one_schema)
{
    const char *url = test_cluster_empty_database(cluster);
    struct test_process *all[AT_ONCE];
    for (size_t i = 0; i < AT_ONCE; i++)
        all[i] = test_drumbeat_start(url, "migrate", NULL);
    int made = 0;
    for (size_t i = 0; i < AT_ONCE; i++) {
        ck_assert(test_process_wait(all[i], SECONDS(60)));
        ck_assert_msg(test_process_status(all[i]) == 0, "%s", test_process_errors(all[i]));
        made += strstr(test_process_output(all[i]), "applied") != NULL;
        test_process_free(all[i]);
    }
    ck_assert_int_eq(made, 1);
}
END_TEST

START_TEST(a_schema_from_the_future_is_left_alone_and_worked_with)
{
    struct pg *pg = test_connect(test_cluster_database(cluster));
    struct err e;
    int applied;
    test_sql(pg, "INSERT INTO drumbeat.migration (name) VALUES ('9999_future')");
    ck_assert(!migrate(pg, &applied, &e));
    ck_assert_int_eq(e.kind, ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(e.text, "9999_future"));
    ck_assert(migrate_check(pg, &e));
    pg_close(pg);
}
END_TEST

START_TEST(a_missing_and_an_old_schema_say_what_to_do)
{
    struct pg *pg = test_connect(test_cluster_empty_database(cluster));
    struct err e;
    ck_assert(!migrate_check(pg, &e));
    ck_assert_int_eq(e.kind, ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(e.text, "run drumbeat migrate"));
    pg_close(pg);
    pg = test_connect(test_cluster_database(cluster));
    test_sql(pg, "DELETE FROM drumbeat.migration WHERE name = (SELECT max(name) FROM drumbeat.migration)");
    ck_assert(!migrate_check(pg, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "1 migration missing"));
    pg_close(pg);
}
END_TEST

START_TEST(a_schema_of_other_migrations_is_refused_by_name)
{
    struct pg *pg = test_connect(test_cluster_database(cluster));
    struct err e;
    int applied;
    test_sql(pg, "UPDATE drumbeat.migration SET digest = '0123456789abcdef' WHERE name = '0002_enqueue'");
    ck_assert(!migrate(pg, &applied, &e));
    ck_assert_int_eq(e.kind, ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(e.text, "0002_enqueue"));
    test_sql(pg, "ALTER TABLE drumbeat.migration DROP COLUMN digest");
    ck_assert(!migrate_check(pg, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "development version"));
    pg_close(pg);
}
END_TEST

/* What fails leaves nothing: all migrations are one transaction. */
START_TEST(a_migration_that_fails_leaves_nothing_behind)
{
    struct pg *pg = test_connect(test_cluster_empty_database(cluster));
    struct err e;
    int applied;
    test_sql(pg, "CREATE SCHEMA registry; CREATE VIEW registry.workspace AS SELECT 1 AS x;"
                 "CREATE SCHEMA drumbeat; CREATE TABLE drumbeat.task_body (); CREATE SEQUENCE drumbeat.fence_seq");
    ck_assert(!migrate(pg, &applied, &e));
    ck_assert_int_eq(applied, 0);
    ck_assert_int_eq(test_number(pg, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'drumbeat'::regnamespace"), 0);
    pg_close(pg);
}
END_TEST

/* pg_exec() sends the types of its arguments; PREPARE without them cannot always choose. */
static bool needs_types(struct pg *pg)
{
    static const char *const ambiguous_function = "42725", *const indeterminate_type = "42P18";
    return strcmp(pg_sqlstate(pg), ambiguous_function) == 0 || strcmp(pg_sqlstate(pg), indeterminate_type) == 0;
}

START_TEST(every_statement_can_be_prepared)
{
    const char *url = test_cluster_database(cluster);
    struct pg *pg = test_connect(url);
    for (const struct sql *const *query = sql_all_queries; *query; query++) {
        CLEANUP(text_free) struct text prepare = {0};
        if (!strstr((*query)->text, "SELECT") && !strstr((*query)->text, "INSERT INTO") && !strstr((*query)->text, "UPDATE") &&
            !strstr((*query)->text, "DELETE FROM"))
            continue; /* PREPARE takes these only; others have no parameters */
        if (strstr((*query)->text, "COPY ") || strstr((*query)->text, "CREATE ") || strstr((*query)->text, "drumbeat_stage"))
            continue; /* the last is a temporary table, made in the task's transaction */
        text_printf(&prepare, "DEALLOCATE ALL; PREPARE one AS %s", (*query)->text);
        struct sql script = {(*query)->name, text_str(&prepare)};
        struct err e;
        ck_assert_msg(pg_script(pg, &script, &e) || needs_types(pg), "%s", e.text);
    }
    pg_close(pg);
}
END_TEST

int main(void)
{
    cluster = test_cluster_start(NULL);
    TCase *all = tcase_create("migrate");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, migrating_twice_does_nothing_the_second_time);
    tcase_add_test(all, several_at_once_make_one_schema);
    tcase_add_test(all, a_schema_from_the_future_is_left_alone_and_worked_with);
    tcase_add_test(all, a_missing_and_an_old_schema_say_what_to_do);
    tcase_add_test(all, a_schema_of_other_migrations_is_refused_by_name);
    tcase_add_test(all, a_migration_that_fails_leaves_nothing_behind);
    tcase_add_test(all, every_statement_can_be_prepared);
    return test_main_case("migrate", all);
}
