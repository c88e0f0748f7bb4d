/* Time zones: names, files and what follows from them. The walk over all zones takes libc as its judge, so it holds
 * with every release of tzdata; fixed instants were checked with 2025b and lie in the past. */
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/zone.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DAY = 86400, INSTANTS = 100, PATH_ROOM = 4096 };

static uint64_t random_state = 20250322;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static int64_t seconds_of(const char *text)
{
    usec_t at;
    struct err e;
    if (!clock_parse(text, &at, &e))
        ck_abort_msg("%s", e.text);
    return at / 1000000;
}

static struct zone *open_zone(const char *name)
{
    struct err e;
    struct zone *z = zone_open(name, &e);
    if (!z)
        ck_abort_msg("%s", e.text);
    return z;
}

static const struct {
    const char *name, *expected; /* NULL: accepted */
} names[] = {
    {"Europe/Paris", NULL},
    {"US/Pacific", NULL},
    {"Asia/Calcutta", NULL},
    {"EST5EDT", NULL},
    {"GMT", NULL},
    {"UTC", NULL},
    {"Etc/GMT+5", NULL},
    {"America/Argentina/Buenos_Aires", NULL},
    {"", "unknown time zone ''"},
    {"posix/Europe/Paris", "write the name without posix/"},
    {"right/Europe/Paris", "write the name without right/"},
    {"localtime", "name the zone itself"},
    {"posixrules", "name the zone itself"},
    {"Factory", "never set"},
    {"/etc/localtime", "a path is not a zone name"},
    {"../zoneinfo/UTC", "a path is not a zone name"},
    {"Europe/../UTC", "a path is not a zone name"},
    {"./UTC", "a path is not a zone name"},
    {":Europe/Paris", "without the colon"},
    {"europe/paris", "unknown time zone 'europe/paris' (did you mean Europe/Paris?)"},
    {"utc", "did you mean UTC?"},
    {"Paris", "did you mean Europe/Paris?"},
    {"Europe/Pariss", "did you mean Europe/Paris?"},
    {"America/New York", "did you mean America/New_York?"},
    {"Europe", "unknown time zone 'Europe'"},
    {"Europe/", "unknown time zone 'Europe/'"},
    {"Europe//Paris", "unknown time zone 'Europe//Paris' (did you mean Europe/Paris?)"},
    {"zone.tab", "unknown time zone 'zone.tab'"},
    {"leapseconds", "unknown time zone 'leapseconds'"},
    {"Nowhere/Land", "unknown time zone 'Nowhere/Land'"},
    {"+02:00", "offsets are not accepted"},
    {"UTC+2", "offsets are not accepted"},
    {"CET-1CEST", "rules are not accepted"},
    {"CET-1CEST,M3.5.0,M10.5.0/3", "rules are not accepted"},
    {"Mitteleurop\xc3\xa4ische Zeit", "unknown time zone"},
};

START_TEST(only_names_of_the_zone_database_are_zones)
{
    struct err e = {0};
    struct zone *z = zone_open(names[_i].name, &e);
    if (names[_i].expected) {
        ck_assert_msg(!z, "'%s' is accepted", names[_i].name);
        ck_assert_int_eq(e.kind, ERR_USAGE);
        ck_assert_msg(strstr(e.text, names[_i].expected), "'%s': %s", names[_i].name, e.text);
    } else {
        ck_assert_msg(z, "%s", e.text);
        ck_assert_str_eq(zone_name(z), names[_i].name);
    }
    zone_close(z);
}
END_TEST

START_TEST(no_name_is_utc_and_needs_no_files)
{
    setenv("TZDIR", "/nonexistent", 1);
    struct zone *z = open_zone(NULL);
    ck_assert_str_eq(zone_name(z), "UTC");
    ck_assert_int_eq(zone_span(z, 0).offset, 0);
    ck_assert_int_eq(zone_first(z, 12345), 12345);
    ck_assert_int_eq(zone_reached(z, -12345), -12345);
    zone_close(z);
}
END_TEST

static void compare_at(const struct zone *z, int64_t at)
{
    time_t moment = (time_t)at;
    struct tm tm;
    localtime_r(&moment, &tm);
    ck_assert_msg(zone_span(z, at).offset == tm.tm_gmtoff, "%s at %lld: offset %d, libc says %ld", zone_name(z),
                  (long long)at, zone_span(z, at).offset, tm.tm_gmtoff);
}

/* What the clock has shown and when it first shows it are inverse to each other. */
static void check_inverse(const struct zone *z, int64_t at)
{
    int64_t reached = zone_reached(z, at);
    ck_assert_msg(zone_first(z, reached) <= at, "%s: %lld was shown by %lld", zone_name(z), (long long)reached,
                  (long long)at);
    ck_assert_msg(zone_first(z, reached + 1) > at, "%s: %lld was not shown by %lld", zone_name(z),
                  (long long)reached + 1, (long long)at);
}

static void check_zone(const char *name)
{
    struct zone *z = open_zone(name);
    setenv("TZ", name, 1);
    tzset();
    for (int i = 0; i < INSTANTS; i++) {
        int64_t at = (int64_t)(next_random() % (84009ull * DAY)) - 3 * DAY;
        compare_at(z, at);
        check_inverse(z, at);
    }
    for (struct zone_span s = zone_span(z, 0); s.end != INT64_MAX; s = zone_span(z, s.end)) {
        int64_t around[] = {s.end - 1, s.end, s.end + 3599};
        for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
            compare_at(z, around[i]);
            check_inverse(z, around[i]);
        }
    }
    zone_close(z);
}

static size_t check_folder(const char *folder, const char *prefix)
{
    char path[PATH_ROOM], name[PATH_ROOM];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/%s", folder, prefix);
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        struct err e;
        snprintf(name, sizeof name, "%s%s%s", prefix, entry->d_name, entry->d_type == DT_DIR ? "/" : "");
        if (*entry->d_name == '.' || strcmp(name, "posix/") == 0 || strcmp(name, "right/") == 0)
            continue;
        if (entry->d_type == DT_DIR) {
            count += check_folder(folder, name);
            continue;
        }
        struct zone *z = zone_open(name, &e);
        zone_close(z);
        if (z) {
            check_zone(name);
            count++;
        }
    }
    closedir(d);
    return count;
}

START_TEST(every_zone_agrees_with_libc_at_and_between_its_transitions)
{
    unsetenv("TZDIR");
    ck_assert_uint_gt(check_folder("/usr/share/zoneinfo", ""), 400);
}
END_TEST

struct bytes {
    unsigned char data[8192];
    size_t len;
};

static void put(struct bytes *b, const void *data, size_t len)
{
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void put_number(struct bytes *b, int64_t value, int width)
{
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8)
        b->data[b->len++] = (unsigned char)((uint64_t)value >> shift);
}

/* A file as a test wants it; what is 0 is left out. */
struct file {
    char version; /* '2' when 0 */
    int leaps;
    int count; /* of the shifts */
    struct {
        int64_t at;
        int type;
    } shifts[4];
    int types;
    int offsets[4];
    const char *footer; /* with its newlines */
};

static void put_header(struct bytes *b, const struct file *f, bool empty)
{
    put(b, "TZif", 4);
    b->data[b->len++] = (unsigned char)(f->version ? f->version : '2');
    put(b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
    int counts[] = {0, 0, empty ? 0 : f->leaps, empty ? 0 : f->count, empty ? 1 : f->types, 4};
    for (size_t i = 0; i < 6; i++)
        put_number(b, counts[i], 4);
}

static void build(struct bytes *b, const struct file *f)
{
    b->len = 0;
    put_header(b, f, true);
    put(b, "\0\0\0\0\0\0UTC", 10);
    put_header(b, f, false);
    for (int i = 0; i < f->count; i++)
        put_number(b, f->shifts[i].at, 8);
    for (int i = 0; i < f->count; i++)
        put_number(b, f->shifts[i].type, 1);
    for (int i = 0; i < f->types; i++) {
        put_number(b, f->offsets[i], 4);
        put(b, "\0", 2);
    }
    put(b, "ZZZ", 4);
    for (int i = 0; i < f->leaps; i++)
        put(b, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    put(b, f->footer, strlen(f->footer));
}

static const struct file good_file = {
    .count = 2, .shifts = {{1000, 1}, {1000000, 0}}, .types = 2, .offsets = {0, 3600}, .footer = "\nZZZ0\n"};

START_TEST(a_file_is_read_with_its_transitions)
{
    struct bytes b;
    struct err e;
    build(&b, &good_file);
    struct zone *z = zone_read("Test", b.data, b.len, &e);
    ck_assert_msg(z, "%s", e.text);
    ck_assert_int_eq(zone_span(z, 999).offset, 0);
    ck_assert_int_eq(zone_span(z, 1000).offset, 3600);
    ck_assert_int_eq(zone_span(z, 1000).end, 1000000);
    ck_assert_int_eq(zone_span(z, 1000000).offset, 0);
    zone_close(z);
}
END_TEST

START_TEST(a_file_cut_anywhere_is_refused)
{
    struct bytes b;
    struct err e;
    build(&b, &good_file);
    for (size_t len = 0; len < b.len; len++) {
        unsigned char *copy = malloc(len ? len : 1); /* so that a sanitizer sees a read beyond the end */
        memcpy(copy, b.data, len);
        ck_assert_msg(!zone_read("Test", copy, len, &e), "cut to %zu bytes it is accepted", len);
        free(copy);
    }
}
END_TEST

static const struct {
    const char *why;
    struct file file;
} bad_files[] = {
    {"version 1", {.version = 1, .types = 1, .footer = "\nZZZ0\n"}},
    {"no type", {.types = 0, .footer = "\nZZZ0\n"}},
    {"leap seconds", {.leaps = 1, .types = 1, .footer = "\nZZZ0\n"}},
    {"an offset of a day and two hours", {.types = 1, .offsets = {93600}, .footer = "\nZZZ0\n"}},
    {"an offset of a day and an hour west", {.types = 1, .offsets = {-90000}, .footer = "\nZZZ0\n"}},
    {"a type that is not there", {.count = 1, .shifts = {{1, 1}}, .types = 1, .footer = "\nZZZ0\n"}},
    {"times out of order", {.count = 2, .shifts = {{2, 0}, {1, 1}}, .types = 2, .footer = "\nZZZ0\n"}},
    {"a time twice", {.count = 2, .shifts = {{2, 0}, {2, 1}}, .types = 2, .footer = "\nZZZ0\n"}},
    {"no newline before the footer", {.types = 1, .footer = "ZZZ0\n"}},
    {"no newline after the footer", {.types = 1, .footer = "\nZZZ0"}},
    {"a rule without an offset", {.types = 1, .footer = "\nZZZ\n"}},
    {"a rule without dates", {.types = 1, .footer = "\nZZZ0YYY\n"}},
    {"a rule with one date", {.types = 1, .footer = "\nZZZ0YYY,M3.5.0\n"}},
    {"month 13", {.types = 1, .footer = "\nZZZ0YYY,M13.5.0,M10.5.0\n"}},
    {"week 6", {.types = 1, .footer = "\nZZZ0YYY,M3.6.0,M10.5.0\n"}},
    {"weekday 7", {.types = 1, .footer = "\nZZZ0YYY,M3.5.7,M10.5.0\n"}},
    {"day J0", {.types = 1, .footer = "\nZZZ0YYY,J0,M10.5.0\n"}},
    {"hour 168", {.types = 1, .footer = "\nZZZ0YYY,M3.5.0/168,M10.5.0\n"}},
    {"minute 60", {.types = 1, .footer = "\nZZZ0YYY,M3.5.0/1:60,M10.5.0\n"}},
    {"an offset of 25 hours", {.types = 1, .footer = "\nZZZ25\n"}},
    {"text after the rule", {.types = 1, .footer = "\nZZZ0YYY,M3.5.0,M10.5.0 \n"}},
};

START_TEST(a_file_with_wrong_contents_is_refused)
{
    struct bytes b;
    struct err e;
    build(&b, &bad_files[_i].file);
    struct zone *z = zone_read("Test", b.data, b.len, &e);
    ck_assert_msg(!z, "%s is accepted", bad_files[_i].why);
    ck_assert_int_eq(e.kind, ERR_USAGE);
}
END_TEST

/* Offsets in hours by the footer alone. */
static const struct {
    const char *footer, *at;
    int offset;
} rules[] = {
    {"\n\n", "2100-07-01T00:00:00Z", 0},
    {"\nZZZ-3\n", "2100-07-01T00:00:00Z", 3 * 3600},
    {"\n<+0330>-3:30\n", "2100-07-01T00:00:00Z", 12600},
    {"\nCET-1CEST,M3.5.0,M10.5.0/3\n", "2024-03-31T00:59:59Z", 3600},
    {"\nCET-1CEST,M3.5.0,M10.5.0/3\n", "2024-03-31T01:00:00Z", 7200},
    {"\nCET-1CEST,M3.5.0,M10.5.0/3\n", "2024-10-27T00:59:59Z", 7200},
    {"\nCET-1CEST,M3.5.0,M10.5.0/3\n", "2024-10-27T01:00:00Z", 3600},
    {"\nCET-1CEST,M3.5.0,M10.5.0/3\n", "2199-07-01T00:00:00Z", 7200},
    /* winter time that is the exception, as in Dublin */
    {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", "2024-07-01T00:00:00Z", 3600},
    {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", "2024-12-31T00:00:00Z", 0},
    {"\nIST-1GMT0,M10.5.0,M3.5.0/1\n", "2024-03-31T01:00:00Z", 3600},
    /* the south, across the end of the year */
    {"\n<+1030>-10:30<+11>-11,M10.1.0,M4.1.0\n", "2025-01-01T00:00:00Z", 11 * 3600},
    {"\n<+1030>-10:30<+11>-11,M10.1.0,M4.1.0\n", "2024-07-01T00:00:00Z", 37800},
    /* hours before midnight and after the day, as in Nuuk and Gaza */
    {"\n<-02>2<-01>,M3.5.0/-1,M10.5.0/0\n", "2024-03-31T00:59:59Z", -7200},
    {"\n<-02>2<-01>,M3.5.0/-1,M10.5.0/0\n", "2024-03-31T01:00:00Z", -3600},
    {"\nEET-2EEST,M3.4.4/50,M10.4.4/50\n", "2024-03-29T23:59:59Z", 7200},
    {"\nEET-2EEST,M3.4.4/50,M10.4.4/50\n", "2024-03-30T00:00:00Z", 10800},
    /* days of the year: J60 is 1 March in every year, 59 is 29 February in some */
    {"\nZZZ0YYY,J60/0,J300/0\n", "2024-02-29T23:59:59Z", 0},
    {"\nZZZ0YYY,J60/0,J300/0\n", "2024-03-01T00:00:00Z", 3600},
    {"\nZZZ0YYY,59/0,J300/0\n", "2024-02-29T00:00:00Z", 3600},
    {"\nZZZ0YYY,59/0,J300/0\n", "2023-02-28T23:59:59Z", 0},
    /* summer time all year round */
    {"\nEST5EDT,0/0,J365/25\n", "2024-01-01T04:59:59Z", -14400},
    {"\nEST5EDT,0/0,J365/25\n", "2024-01-01T05:00:00Z", -14400},
    {"\nEST5EDT,0/0,J365/25\n", "2024-07-01T00:00:00Z", -14400},
};

START_TEST(the_footer_rules_what_the_file_does_not_list)
{
    struct bytes b;
    struct err e;
    build(&b, &(struct file){.types = 1, .footer = rules[_i].footer});
    struct zone *z = zone_read("Test", b.data, b.len, &e);
    ck_assert_msg(z, "%s", e.text);
    int offset = zone_span(z, seconds_of(rules[_i].at)).offset;
    zone_close(z);
    ck_assert_msg(offset == rules[_i].offset, "%s at %s: offset %d, expected %d", rules[_i].footer, rules[_i].at,
                  offset, rules[_i].offset);
}
END_TEST

static char folder[] = "zones-XXXXXX";

static void write_zone(const char *name, int offset)
{
    char path[PATH_ROOM], fresh[PATH_ROOM];
    struct bytes b;
    build(&b, &(struct file){.types = 1, .offsets = {offset}, .footer = "\n\n"});
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(fresh, sizeof fresh, "%s/new", folder);
    FILE *file = fopen(fresh, "we");
    ck_assert_ptr_nonnull(file);
    fwrite(b.data, 1, b.len, file);
    fclose(file);
    ck_assert_int_eq(rename(fresh, path), 0);
}

static void remove_from_folder(const char *name)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

START_TEST(a_changed_file_is_read_anew_while_open_zones_keep_their_rules)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    setenv("TZDIR", folder, 1);
    write_zone("Here", 3600);
    write_zone("There", 1800);
    struct zone *old = open_zone("Here"), *other = open_zone("There");
    ck_assert(!zones_changed());
    write_zone("Here", 7200);
    ck_assert(zones_changed());
    ck_assert(!zones_changed());
    struct zone *fresh = open_zone("Here"), *same = open_zone("There");
    ck_assert_int_eq(zone_span(old, 0).offset, 3600);
    ck_assert_int_eq(zone_span(fresh, 0).offset, 7200);
    ck_assert_ptr_eq(other, same);
    remove_from_folder("Here");
    ck_assert(!zones_changed());
    remove_from_folder("There");
    rmdir(folder);
    zone_close(old);
    zone_close(fresh);
    zone_close(other);
    zone_close(same);
}
END_TEST

START_TEST(the_release_of_the_files_is_known_or_said_to_be_unknown)
{
    char version[ZONE_VERSION_MAX];
    setenv("TZDIR", "/nonexistent", 1);
    ck_assert_str_eq(zones_version(version), "unknown");
    unsetenv("TZDIR");
    ck_assert_uint_ge(strlen(zones_version(version)), 5);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
    TCase *cases = tcase_create("zone");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, only_names_of_the_zone_database_are_zones, 0, ROWS(names));
    tcase_add_test(cases, no_name_is_utc_and_needs_no_files);
    tcase_add_test(cases, every_zone_agrees_with_libc_at_and_between_its_transitions);
    tcase_add_test(cases, a_file_is_read_with_its_transitions);
    tcase_add_test(cases, a_file_cut_anywhere_is_refused);
    tcase_add_loop_test(cases, a_file_with_wrong_contents_is_refused, 0, ROWS(bad_files));
    tcase_add_loop_test(cases, the_footer_rules_what_the_file_does_not_list, 0, ROWS(rules));
    tcase_add_test(cases, a_changed_file_is_read_anew_while_open_zones_keep_their_rules);
    tcase_add_test(cases, the_release_of_the_files_is_known_or_said_to_be_unknown);
    return test_main_case("zone", cases);
}
