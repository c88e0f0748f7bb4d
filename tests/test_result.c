/* Results as files: what is written is read back by its task alone, nothing leads out of the root, and what is over goes. */
#include "common/store/result.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static struct uuid task, other;
static struct result_place place;

static void begin(void)
{
    snprintf(root, sizeof root, "/tmp/drumbeat-result-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    task = uuid_v7();
    other = uuid_v7();
    place = (struct result_place){.root = root, .keep = DAYS(1), .mode = 0640};
}

static const char *in_root(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void remove_tree(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", root);
    ck_assert_int_eq(system(command), 0);
}

/* The file that the reference names, relative to the root. */
static char *file_of(const struct text *reference)
{
    static char file[200];
    ck_assert_int_eq(sscanf(text_str(reference), "{\"file\": \"%199[^\"]\"", file), 1);
    return file;
}

START_TEST(what_was_put_is_got_back_by_its_task_alone)
{
    struct text reference CLEANUP(text_free) = {0}, json CLEANUP(text_free) = {0};
    struct err e = {0};
    ck_assert_msg(result_put(&place, task, 7, "{\"a\": [1, 2]}", &reference, &e), "%s", e.text);
    ck_assert(result_is_file(text_str(&reference), task));
    ck_assert(!result_is_file(text_str(&reference), other));
    ck_assert(result_get(root, task, text_str(&reference), &json, &e));
    ck_assert_str_eq(text_str(&json), "{\"a\": [1, 2]}");
    ck_assert(!result_get(root, other, text_str(&reference), &json, &e));
}
END_TEST

START_TEST(a_file_has_the_mode_it_was_given_and_its_folder_can_be_entered_by_the_same)
{
    static const struct {
        unsigned mode, folder;
    } rows[] = {{0600, 0700}, {0640, 0750}, {0644, 0755}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text reference CLEANUP(text_free) = {0};
        struct err e = {0};
        struct stat about;
        place.mode = rows[i].mode;
        place.keep = DAYS(1 + (int)i);
        umask(077);
        ck_assert_msg(result_put(&place, task, 7, "1", &reference, &e), "%s", e.text);
        char *file = file_of(&reference);
        ck_assert_int_eq(stat(in_root(file), &about), 0);
        ck_assert_uint_eq(about.st_mode & 07777, rows[i].mode);
        *strchr(file, '/') = '\0';
        ck_assert_int_eq(stat(in_root(file), &about), 0);
        ck_assert_uint_eq(about.st_mode & 07777, rows[i].folder);
    }
}
END_TEST

START_TEST(only_a_reference_to_a_file_of_the_task_is_one)
{
    static const char *const files[] = {
        "../../etc/passwd", "/etc/passwd", "2026-11-28T14/../../../etc/passwd", "2026-11-28T14/%s-7.json/..", "2026-11-28T14/%s-7.txt", "2026-11-28T14/%s-.json",
        "2026-11-28T14//%s-7.json", "2026-11-28/%s-7.json", "%s-7.json", "", "2026-11-28T14/%s-7.json\\u0000", "2026-11-28T14/%s-77777777777777777777.json",
    };
    char id[UUID_TEXT_MAX], file[200], json[300];
    uuid_format(task, id);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *at = strstr(files[i], "%s");
        snprintf(file, sizeof file, "%.*s%s%s", at ? (int)(at - files[i]) : 200, files[i], at ? id : "", at ? at + 2 : "");
        snprintf(json, sizeof json, "{\"file\": \"%s\", \"bytes\": 1}", file);
        ck_assert_msg(!result_is_file(json, task), "%s", json);
    }
    snprintf(json, sizeof json, "{\"file\": \"2026-11-28T14/%s-7.json\", \"bytes\": 1}", id);
    ck_assert(result_is_file(json, task));
    snprintf(json, sizeof json, "{\"file\": \"2026-11-28T14/%s-7.json\", \"bytes\": 1, \"more\": 1}", id);
    ck_assert(!result_is_file(json, task));
    snprintf(json, sizeof json, "{\"file\": \"2026-11-28T14/%s-7.json\", \"bytes\": -1}", id);
    ck_assert(!result_is_file(json, task));
    ck_assert(!result_is_file("[]", task) && !result_is_file("not JSON", task) && !result_is_file("null", task));
}
END_TEST

START_TEST(links_are_not_followed)
{
    struct text reference CLEANUP(text_free) = {0}, json CLEANUP(text_free) = {0};
    struct err e = {0};
    ck_assert(result_put(&place, task, 7, "12345", &reference, &e));
    char *file = file_of(&reference);
    ck_assert_int_eq(unlink(in_root(file)), 0);
    ck_assert_int_eq(symlink("/etc/hostname", in_root(file)), 0);
    ck_assert(!result_get(root, task, text_str(&reference), &json, &e));
    ck_assert_uint_eq(json.len, 0);
    ck_assert_int_eq(unlink(in_root(file)), 0);
    *strchr(file, '/') = '\0';
    ck_assert_int_eq(rmdir(in_root(file)), 0);
    ck_assert_int_eq(symlink("/etc", in_root(file)), 0);
    ck_assert(!result_put(&place, task, 8, "1", &json, &e));
}
END_TEST

START_TEST(a_file_that_is_gone_is_told_from_one_that_was_changed)
{
    struct text reference CLEANUP(text_free) = {0}, json CLEANUP(text_free) = {0};
    struct err e = {0};
    ck_assert(result_put(&place, task, 7, "12345", &reference, &e));
    ck_assert_int_eq(truncate(in_root(file_of(&reference)), 2), 0);
    ck_assert(!result_get(root, task, text_str(&reference), &json, &e));
    ck_assert_int_eq(e.kind, ERR_FAILED);
    ck_assert_int_eq(unlink(in_root(file_of(&reference))), 0);
    ck_assert(!result_get(root, task, text_str(&reference), &json, &e));
    ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
}
END_TEST

START_TEST(without_a_root_the_task_may_try_again)
{
    struct text reference CLEANUP(text_free) = {0};
    struct err e = {0};
    place.root = in_root("missing");
    ck_assert(!result_put(&place, task, 7, "1", &reference, &e));
    ck_assert_int_eq(e.kind, ERR_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(e.text, "results.root"));
}
END_TEST

START_TEST(what_is_over_is_removed_a_few_at_a_time_and_nothing_else)
{
    struct text reference CLEANUP(text_free) = {0};
    struct err e = {0};
    size_t removed, all = 0;
    for (int fence = 1; fence <= 5; fence++)
        ck_assert(result_put(&place, task, fence, "1", &reference, &e));
    close(open(in_root("2001-01-01T00"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); /* no folder */
    ck_assert_int_eq(mkdir(in_root("2001-01-01"), 0700), 0);                      /* not ours */
    ck_assert(result_prune(root, clock_now() + DAYS(1) - HOURS(1), 100, &removed, &e));
    ck_assert_uint_eq(removed, 0);
    for (int rounds = 0; rounds < 3; rounds++) {
        ck_assert(result_prune(root, clock_now() + DAYS(1) + HOURS(1), 2, &removed, &e));
        ck_assert_uint_le(removed, 2);
        all += removed;
    }
    ck_assert_uint_eq(all, 5);
    char *file = file_of(&reference);
    *strchr(file, '/') = '\0';
    ck_assert(access(in_root(file), F_OK) != 0);
    ck_assert(access(in_root("2001-01-01"), F_OK) == 0);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("result");
    tcase_add_checked_fixture(tests, begin, remove_tree);
    tcase_add_test(tests, what_was_put_is_got_back_by_its_task_alone);
    tcase_add_test(tests, a_file_has_the_mode_it_was_given_and_its_folder_can_be_entered_by_the_same);
    tcase_add_test(tests, only_a_reference_to_a_file_of_the_task_is_one);
    tcase_add_test(tests, links_are_not_followed);
    tcase_add_test(tests, a_file_that_is_gone_is_told_from_one_that_was_changed);
    tcase_add_test(tests, without_a_root_the_task_may_try_again);
    tcase_add_test(tests, what_is_over_is_removed_a_few_at_a_time_and_nothing_else);
    return test_main_case("result", tests);
}
