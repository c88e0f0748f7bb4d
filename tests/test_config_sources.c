/* Where values come from, in a folder of the test's own: which source wins, secrets, and what `drumbeat config` shows.
 */
#include "common/base/json.h"
#include "config/load.h"
#include "config/options.h"
#include "tests/test_config.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

/* Without any variable of ours, in an empty folder. */
static void set_up(void)
{
    struct text names CLEANUP(text_free) = {0};
    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "DRUMBEAT_", 9) == 0)
            text_printf(&names, "%.*s\n", (int)strcspn(*variable, "="), *variable);
    char *rest = names.data, *name;
    while (rest && (name = strsep(&rest, "\n")))
        if (*name)
            unsetenv(name);
    unsetenv("DATABASE_URL");
    unsetenv("REDIS_URL");
    snprintf(folder, sizeof folder, "%s/drumbeat-config-XXXXXX", P_tmpdir);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void tear_down(void)
{
    DIR *files = opendir(folder);
    struct dirent *file;
    ck_assert_ptr_nonnull(files);
    while ((file = readdir(files)))
        if (file->d_name[0] != '.')
            unlinkat(dirfd(files), file->d_name, 0);
    closedir(files);
    ck_assert_int_eq(chdir("/"), 0);
    rmdir(folder);
}

static void write_bytes(const char *name, const char *bytes, size_t length)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_file(const char *name, const char *content)
{
    write_bytes(name, content, strlen(content));
}

static struct config *load(const char *file, const struct config_flag *flags)
{
    struct err e = {0};
    struct config *config = config_load(file, flags, &e);
    ck_assert_msg(config != NULL, "%s", e.text);
    return config;
}

static void refuses(const char *file, const struct config_flag *flags, const char *message)
{
    struct err e = {0};
    ck_assert_ptr_null(config_load(file, flags, &e));
    ck_assert_str_eq(e.text, message);
    ck_assert_int_eq(e.kind, ERR_USAGE);
}

/* The line of config_print() that begins with `option`. */
static void ck_assert_line(const struct config *config, bool json, const char *option, const char *wanted)
{
    struct text all CLEANUP(text_free) = {0};
    config_print(config, json, &all);
    for (char *line = all.data; line && *line; line = strchr(line, '\n') + 1) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line, option, strlen(option)) == 0) {
            ck_assert_msg(strlen(wanted) == length && strncmp(line, wanted, length) == 0, "%.*s", (int)length, line);
            return;
        }
    }
    ck_abort_msg("no line %s", option);
}

START_TEST(flags_beat_environment_beats_file_beats_default)
{
    const struct config_flag flags[] = {{"worker.pool", "9"}, {0}};
    struct config *config = load("/dev/null", NULL);
    ck_assert_line(config, false, "worker.pool", "worker.pool = 4  (default)");
    config_free(config);

    write_file("drumbeat.yaml", "worker:\n  pool: 7\n");
    config = load(NULL, NULL);
    ck_assert_int_eq(config->worker.pool, 7);
    ck_assert_str_eq(config->file, "drumbeat.yaml");
    ck_assert_line(config, false, "worker.pool", "worker.pool = 7  (file drumbeat.yaml:2)");
    config_free(config);

    setenv("DRUMBEAT_WORKER_POOL", "8", 1);
    config = load(NULL, NULL);
    ck_assert_int_eq(config->worker.pool, 8);
    ck_assert_line(config, false, "worker.pool", "worker.pool = 8  (environment DRUMBEAT_WORKER_POOL)");
    config_free(config);

    config = load(NULL, flags);
    ck_assert_int_eq(config->worker.pool, 9);
    ck_assert_line(config, false, "worker.pool", "worker.pool = 9  (flag)");
    config_free(config);
}
END_TEST

START_TEST(a_value_that_is_overridden_must_be_right_all_the_same)
{
    const struct config_flag flags[] = {{"worker.pool", "9"}, {0}};
    write_file("drumbeat.yaml", "worker: {pool: many}\n");
    refuses(NULL, flags, "drumbeat.yaml:1:16: worker.pool: 'many' is not a whole number");
    write_file("drumbeat.yaml", "");
    setenv("DRUMBEAT_WORKER_POOL", "many", 1);
    refuses(NULL, flags, "DRUMBEAT_WORKER_POOL: worker.pool: 'many' is not a whole number");
}
END_TEST

START_TEST(a_bad_flag_is_refused)
{
    const struct config_flag zero[] = {{"worker.pool", "0"}, {0}}, empty[] = {{"worker.lease", ""}, {0}},
                             unknown[] = {{"worker.colour", "red"}, {0}}, absent[] = {{"queues.none.limit", "1"}, {0}};
    refuses("/dev/null", zero, "worker.pool: '0' is below 1");
    refuses("/dev/null", empty, "worker.lease: '' is not a duration like 1h30m");
    refuses("/dev/null", unknown, "there is no option worker.colour");
    refuses("/dev/null", absent, "there is no option queues.none.limit");
}
END_TEST

START_TEST(a_flag_can_name_an_entry)
{
    const struct config_flag flags[] = {{"handlers.pmp.partners.soft", "1m"}, {"worker.queues", "a, b"}, {0}};
    write_file("drumbeat.yaml", "handlers: {pmp.partners: {soft: 2m}}\n");
    struct config *config CLEANUP(config_freep) = load(NULL, flags);
    ck_assert_int_eq(config_handler(config, "pmp.partners")->limits.soft, MINUTES(1));
    ck_assert_list(config->worker.queues, "a|b|");
}
END_TEST

START_TEST(the_file_is_looked_for_in_its_order)
{
    write_file("drumbeat.yaml", "worker: {pool: 2}\n");
    write_file("other.yaml", "worker: {pool: 3}\n");
    write_file("third.yaml", "worker: {pool: 5}\n");
    setenv("DRUMBEAT_CONFIG", "./other.yaml", 1);
    struct config *config = load(NULL, NULL);
    ck_assert_int_eq(config->worker.pool, 3);
    ck_assert_str_eq(config->file, "other.yaml");
    config_free(config);
    config = load("third.yaml", NULL);
    ck_assert_int_eq(config->worker.pool, 5);
    config_free(config);
    setenv("DRUMBEAT_CONFIG", "", 1);
    config = load(NULL, NULL);
    ck_assert_int_eq(config->worker.pool, 2);
    config_free(config);
}
END_TEST

START_TEST(a_named_file_that_cannot_be_read_is_an_error)
{
    refuses("none.yaml", NULL, "cannot read the configuration none.yaml: No such file or directory");
    refuses(".", NULL, "cannot read the configuration .: Is a directory");
    setenv("DRUMBEAT_CONFIG", "gone.yaml", 1);
    refuses(NULL, NULL, "cannot read the configuration gone.yaml: No such file or directory");
}
END_TEST

START_TEST(a_pipe_that_nobody_writes_to_does_not_hang)
{
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    struct config *config CLEANUP(config_freep) = load("pipe", NULL);
    ck_assert_int_eq(config->worker.pool, 4);
}
END_TEST

START_TEST(a_huge_file_is_refused)
{
    char *bytes = mem_alloc(CONFIG_FILE_MAX + 1);
    memset(bytes, '#', CONFIG_FILE_MAX + 1);
    write_bytes("drumbeat.yaml", bytes, CONFIG_FILE_MAX);
    struct config *config CLEANUP(config_freep) = load(NULL, NULL);
    ck_assert_ptr_nonnull(config);
    write_bytes("drumbeat.yaml", bytes, CONFIG_FILE_MAX + 1);
    free(bytes);
    refuses(NULL, NULL, "the configuration drumbeat.yaml is larger than 1048576 bytes");
    refuses("/dev/zero", NULL, "the configuration /dev/zero is larger than 1048576 bytes");
}
END_TEST

static void check_shipped(const struct config *config, const char *where)
{
    static const struct {
        const char *name, *spec;
        bool enabled;
    } wanted[] = {{"akvo.datapoints", "@every 1m|", false},
                  {"carto.all", "0 3 * * *|", false},
                  {"hact.aggregate", "0 4 * * *|", true},
                  {"hact.values", "0 0 * * *|", true},
                  {"ocha.funding", "0 4 * * *|", false},
                  {"ocha.partners", "30 4 * * *|", false},
                  {"ocha.project", "30 2 * * *|", false},
                  {"ocha.response_plan", "0 2 * * *|", false},
                  {"pmp.government_documents", "@every 30m|", true},
                  {"pmp.partners", "@every 24h|", true},
                  {"pmp.programme_documents", "@every 30m|", true},
                  {"pmp.workspaces", "@every 24h|", true},
                  {"prp.due_reports", "@every 5m|", true},
                  {"prp.notify_due", "0 6 * * *|", false},
                  {"prp.notify_overdue", "30 6 * * *|", false},
                  {"prp.period_reports", "@every 5m|", true},
                  {"tpm.partners", "0 1 * * *|", true},
                  {"vision.delegated_frs", "0 2 * * *|", true},
                  {"vision.notify_hidden", "@every 15m|", false},
                  {"vision.sync", "0 0 * * *|", true}};
    ck_assert_uint_eq(config->schedule_count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < config->schedule_count; i++) {
        const struct config_schedule *schedule = &config->schedules[i];
        ck_assert_str_eq(schedule->name, wanted[i].name);
        ck_assert_str_eq(schedule->handler, wanted[i].name);
        ck_assert_list(schedule->specs, wanted[i].spec);
        ck_assert_str_eq(schedule->overlap, "skip");
        ck_assert_int_eq(schedule->enabled, wanted[i].enabled);
        ck_assert_msg(strncmp(schedule->where, where, strlen(where)) == 0, "%s", schedule->where);
    }
    ck_assert_ptr_nonnull(config_queue(config, "default"));
    ck_assert_ptr_nonnull(config_queue(config, "sync"));
    const struct config_upstream *pmp = config_upstream(config, "pmp");
    ck_assert_str_eq(pmp->kind, "pmp");
    ck_assert_ptr_null(pmp->url);
    ck_assert_int_eq(strncmp(pmp->password, "env:", 4), 0);
}

START_TEST(without_a_file_the_shipped_default_applies)
{
    struct config *config CLEANUP(config_freep) = load(NULL, NULL);
    ck_assert_ptr_null(config->file);
    check_shipped(config, "built-in:");
    ck_assert_line(config, false, "upstreams.pmp.kind", "upstreams.pmp.kind = pmp  (built-in)");
}
END_TEST

START_TEST(the_shipped_file_is_the_one_in_the_program)
{
    write_file("shipped.yaml", config_default_text());
    struct config *config CLEANUP(config_freep) = load("shipped.yaml", NULL);
    check_shipped(config, "shipped.yaml:");
}
END_TEST

/* What the shipped file calls a default is one, and each option stands in it, commented or not. */
START_TEST(the_shipped_file_shows_every_option)
{
    for (const struct section *s = config_sections; s < config_sections + SECTION_COUNT; s++) {
        for (const struct option *option = s->options; option->key; option++) {
            char *word = mem_alloc(strlen(option->key) + 3);
            const char *last = strrchr(option->key, '.');
            snprintf(word, strlen(option->key) + 3, " %s:", last ? last + 1 : option->key);
            ck_assert_msg(strstr(config_default_text(), word) != NULL, "%s.%s", s->name, option->key);
            free(word);
        }
    }
    struct config *config CLEANUP(config_freep) = load(NULL, NULL);
    struct config *bare CLEANUP(config_freep) = load("/dev/null", NULL);
    ck_assert_int_eq(config->worker.pool, bare->worker.pool);
    ck_assert_int_eq(config->worker.lease, bare->worker.lease);
    ck_assert_int_eq(config->worker.drain, bare->worker.drain);
    ck_assert_str_eq(config->log.level, bare->log.level);
}
END_TEST

START_TEST(wellknown_variables_beat_ours)
{
    setenv("DRUMBEAT_DATABASE_URL", "postgres://ours", 1);
    setenv("DRUMBEAT_REDIS_URL", "redis://ours", 1);
    struct config *config = load("/dev/null", NULL);
    ck_assert_str_eq(config->database.url, "postgres://ours");
    ck_assert_str_eq(config->redis.url, "redis://ours");
    config_free(config);
    setenv("DATABASE_URL", "postgres://theirs", 1);
    setenv("REDIS_URL", "", 1);
    config = load("/dev/null", NULL);
    ck_assert_str_eq(config->database.url, "postgres://theirs");
    ck_assert_str_eq(config->redis.url, "redis://ours");
    ck_assert_line(config, false, "database.url", "database.url = postgres://theirs  (environment DATABASE_URL)");
    config_free(config);
}
END_TEST

static const struct {
    const char *variable, *value, *line;
} variables[] = {
    {"DRUMBEAT_DATABASE_LISTEN_URL", "postgres://h", "database.listen_url = postgres://h"},
    {"DRUMBEAT_WORKER_QUEUES", "a,b", "worker.queues = [\"a\", \"b\"]"},
    {"DRUMBEAT_WORKER_LEASE", "1m", "worker.lease = 1m"},
    {"DRUMBEAT_LOG_LEVEL", "error", "log.level = error"},
    {"DRUMBEAT_LOG_FORMAT", "json", "log.format = json"},
    {"DRUMBEAT_QUEUES_DEFAULT_LIMIT", "3", "queues.default.limit = 3"},
    {"DRUMBEAT_QUEUES_BULK_LOAD_2_LIMIT", "3", "queues.bulk-load.2.limit = 3"},
    {"DRUMBEAT_HANDLERS_PMP_PARTNERS_MAX_ATTEMPTS", "5", "handlers.pmp.partners.max_attempts = 5"},
    {"DRUMBEAT_HANDLERS_PMP_PARTNERS_MEMORY", "1048576KiB", "handlers.pmp.partners.memory = 1GiB"},
    {"DRUMBEAT_HANDLERS_PMP_PARTNERS_COMMAND_CWD", "/srv", "handlers.pmp.partners.command.cwd = /srv"},
    {"DRUMBEAT_SCHEDULES_DAILY_RUN_SPEC", "@every 1h", "schedules.daily run.spec = [\"@every 1h\"]"},
    {"DRUMBEAT_SCHEDULES_DAILY_RUN_ARGS", "{\"a\": 1}", "schedules.daily run.args = {\"a\": 1}"},
    {"DRUMBEAT_SCHEDULES_DAILY_RUN_ENABLED", "off", "schedules.daily run.enabled = false"},
    {"DRUMBEAT_SCHEDULES_DAILY_RUN_START", "2026-01-01T01:00:00+01:00",
     "schedules.daily run.start = 2026-01-01T00:00:00Z"},
    {"DRUMBEAT_UPSTREAMS_PMP_URL", "http://localhost:1", "upstreams.pmp.url = http://localhost:1"},
    {"DRUMBEAT_UPSTREAMS_PMP_CERT_KEY", "/k", "upstreams.pmp.cert_key = /k"},
    {"DRUMBEAT_UPSTREAMS_DHIS2_PASSWORD", "hunter2", "upstreams.dhis2.password = ***"},
};

START_TEST(every_scalar_option_has_a_variable)
{
    struct text line CLEANUP(text_free) = {0};
    write_file("drumbeat.yaml", "queues: {bulk-load.2: {}}\n"
                                "handlers: {pmp.partners: {command: {argv: [x]}}}\n"
                                "schedules: {daily run: {handler: h, spec: s}}\n");
    setenv(variables[_i].variable, variables[_i].value, 1);
    struct config *config CLEANUP(config_freep) = load(NULL, NULL);
    text_printf(&line, "%s  (environment %s)", variables[_i].line, variables[_i].variable);
    char *option = mem_strdup(variables[_i].line);
    *strstr(option, " =") = '\0';
    ck_assert_line(config, false, option, text_str(&line));
    free(option);
}
END_TEST

START_TEST(a_variable_that_fits_two_names_is_refused)
{
    write_file("drumbeat.yaml", "handlers: {a.b: {}, a-b: {}}\n");
    setenv("DRUMBEAT_HANDLERS_A_B_SOFT", "1m", 1);
    refuses(NULL, NULL, "DRUMBEAT_HANDLERS_A_B_SOFT: may mean soft of 'a-b' or of 'a.b'");
}
END_TEST

START_TEST(a_bad_variable_is_refused_by_its_name)
{
    setenv("DRUMBEAT_WORKER_LEASE", "2s", 1);
    refuses("/dev/null", NULL, "DRUMBEAT_WORKER_LEASE: worker.lease: '2s' is below 5s");
    unsetenv("DRUMBEAT_WORKER_LEASE");
    setenv("DATABASE_URL", "postgres://u:secret@h/\nx", 1);
    refuses("/dev/null", NULL, "DATABASE_URL: database.url: has a control character in it");
}
END_TEST

START_TEST(an_unknown_variable_is_told_and_ours_are_not)
{
    bool leese = false, none = false;
    setenv("DRUMBEAT_WORKER_LEESE", "secret", 1);
    setenv("DRUMBEAT_QUEUES_NONE_LIMIT", "1", 1);
    setenv("DRUMBEAT_TASK_ID", "x", 1);
    setenv("DRUMBEAT_ATTEMPT", "x", 1);
    setenv("DRUMBEAT_TICK", "x", 1);
    setenv("DRUMBEAT_SANDBOX_SEED", "x", 1);
    setenv("DRUMBEAT_CONFIG", "/dev/null", 1);
    struct config *config CLEANUP(config_freep) = load("/dev/null", NULL);
    for (size_t i = 0; i < config->stranger_count; i++) {
        leese = leese || strcmp(config->strangers[i], "DRUMBEAT_WORKER_LEESE") == 0;
        none = none || strcmp(config->strangers[i], "DRUMBEAT_QUEUES_NONE_LIMIT") == 0;
    }
    ck_assert(leese && none);
    ck_assert_uint_eq(config->stranger_count, 2);
}
END_TEST

static const struct {
    const char *written;
    const char *value; /* NULL: refused */
    const char *message;
} secrets[] = {
    {"plain", "plain", NULL},
    {"", "", NULL},
    {"env:DRUMBEAT_TEST_SECRET", "from environment", NULL},
    {"env:DRUMBEAT_TEST_NONE", NULL, "the environment variable DRUMBEAT_TEST_NONE is not set"},
    {"file:unix", "hunter2", NULL},
    {"file:windows", "hunter2", NULL},
    {"file:two", "hunter2\n", NULL},
    {"file:bare", "hunter2", NULL},
    {"file:empty", "", NULL},
    {"file:nul", NULL, "the secret nul has a NUL byte in it"},
    {"file:none", NULL, "cannot read the secret none: No such file or directory"},
    {"file:/dev/zero", NULL, "the secret /dev/zero is larger than 65536 bytes"},
    {"environment", "environment", NULL},
};

START_TEST(secrets_are_resolved)
{
    struct err e = {0};
    struct text value CLEANUP(text_free) = {0};
    setenv("DRUMBEAT_TEST_SECRET", "from environment", 1);
    write_file("unix", "hunter2\n");
    write_file("windows", "hunter2\r\n");
    write_file("two", "hunter2\n\n");
    write_file("bare", "hunter2");
    write_file("empty", "");
    write_bytes("nul", "a\0b", 3);
    bool ok = config_secret(secrets[_i].written, &value, &e);
    ck_assert_msg(ok == (secrets[_i].value != NULL), "%s", e.text);
    if (ok)
        ck_assert_str_eq(text_str(&value), secrets[_i].value);
    else
        ck_assert_str_eq(e.text, secrets[_i].message);
}
END_TEST

START_TEST(secrets_in_pairs_are_resolved)
{
    struct err e = {0};
    struct text value CLEANUP(text_free) = {0};
    write_file("token", "Bearer x\n");
    ck_assert(config_secret_pair("Authorization: file:token", ": ", &value, &e));
    ck_assert_str_eq(text_str(&value), "Authorization: Bearer x");
    text_reset(&value);
    ck_assert(config_secret_pair("A=b=c", "=", &value, &e));
    ck_assert_str_eq(text_str(&value), "A=b=c");
    ck_assert(!config_secret_pair("A=env:DRUMBEAT_TEST_NONE", "=", &value, &e));
    ck_assert_str_eq(e.text, "A: the environment variable DRUMBEAT_TEST_NONE is not set");
}
END_TEST

START_TEST(database_urls_may_be_references)
{
    write_file("url", "postgres://u:hunter2@h/db\n");
    write_file("drumbeat.yaml", "database: {url: 'file:url'}\n");
    struct config *config CLEANUP(config_freep) = load(NULL, NULL);
    ck_assert_str_eq(config->database.url, "postgres://u:hunter2@h/db");
    ck_assert_line(config, false, "database.url", "database.url = postgres://u:***@h/db  (file drumbeat.yaml:1)");
}
END_TEST

static const struct {
    const char *url, *masked;
} masks[] = {
    {"postgres://h/db", "postgres://h/db"},
    {"postgres://u@h/db", "postgres://u@h/db"},
    {"postgres://u:hunter2@h:5432/db", "postgres://u:***@h:5432/db"},
    {"redis://:hunter2@h", "redis://:***@h"},
    {"postgres://u:hun/ter@2?@h/db", "postgres://u:***@h/db"},
    {"postgres://h1:1,h2:2/db?password=hunter2&sslmode=require",
     "postgres://h1:1,h2:2/db?password=***&sslmode=require"},
    {"http://h/?api_key=hunter2", "http://h/?api_key=***"},
    {"http://h/?a=b&ACCESS_TOKEN=hunter2", "http://h/?a=b&ACCESS_TOKEN=***"},
    {"host=h password=hunter2 dbname=d", "host=h password=*** dbname=d"},
    {"password = 'hun \\' ter2' host=h", "password =*** host=h"},
    {"sslpassword=x", "sslpassword=***"},
    {"postgresql:///db?password=hunter2&application_name=a:b@c", "postgresql:///db?password=***&application_name=a:***@c"},
    {"password=", "password=***"},
    {"", ""},
};

START_TEST(addresses_are_shown_without_passwords)
{
    struct text masked CLEANUP(text_free) = {0};
    config_mask(masks[_i].url, &masked);
    ck_assert_str_eq(text_str(&masked), masks[_i].masked);
}
END_TEST

START_TEST(nothing_secret_is_printed)
{
    struct text plain CLEANUP(text_free) = {0}, json CLEANUP(text_free) = {0};
    write_file("drumbeat.yaml", "database: {url: 'postgres://u:hunter2@h', listen_url: 'host=h password=hunter2'}\n"
                                "redis: {url: 'redis://:hunter2@h'}\n"
                                "handlers: {a: {command: {argv: [x], env: {A: hunter2, B: 'env:B'}}}}\n"
                                "upstreams:\n"
                                "  pmp: {url: 'http://u:hunter2@h', password: hunter2, key: hunter2,\n"
                                "        headers: {X: hunter2, Y: 'file:/y'}}\n"
                                "  dhis2: {password: 'env:P', key: 'file:/k'}\n");
    struct config *config CLEANUP(config_freep) = load(NULL, NULL);
    config_print(config, false, &plain);
    config_print(config, true, &json);
    ck_assert_ptr_null(strstr(text_str(&plain), "hunter2"));
    ck_assert_ptr_null(strstr(text_str(&json), "hunter2"));
    ck_assert_line(config, false, "handlers.a.command.env",
                   "handlers.a.command.env = [\"A=***\", \"B=env:B\"]  (file drumbeat.yaml:3)");
    ck_assert_line(config, false, "upstreams.pmp.headers",
                   "upstreams.pmp.headers = [\"X: ***\", \"Y: file:/y\"]  (file drumbeat.yaml:6)");
    ck_assert_line(config, false, "upstreams.dhis2.key", "upstreams.dhis2.key = file:/k  (file drumbeat.yaml:7)");
}
END_TEST

START_TEST(json_output_is_one_object_a_line)
{
    struct text all CLEANUP(text_free) = {0};
    write_file("drumbeat.yaml", "worker: {queues: [a, b]}\n"
                                "schedules: {s: {handler: h, spec: x, args: {n: 1.50}}}\n");
    struct config *config CLEANUP(config_freep) = load(NULL, NULL);
    config_print(config, true, &all);
    for (char *line = all.data, *end; (end = strchr(line, '\n')); line = end + 1) {
        struct err e = {0};
        struct js *object CLEANUP(js_freep) = js_parse(line, (size_t)(end - line), &e);
        ck_assert_msg(js_count(object) == 3, "%.*s %s", (int)(end - line), line, e.text);
    }
    ck_assert_line(config, true, "{\"option\": \"worker.pool\"",
                   "{\"option\": \"worker.pool\", \"value\": 4, \"origin\": \"default\"}");
    ck_assert_line(config, true, "{\"option\": \"worker.queues\"",
                   "{\"option\": \"worker.queues\", \"value\": [\"a\", \"b\"], \"origin\": \"file drumbeat.yaml:1\"}");
    ck_assert_line(config, true, "{\"option\": \"schedules.s.args\"",
                   "{\"option\": \"schedules.s.args\", \"value\": {\"n\":1.50}, \"origin\": \"file drumbeat.yaml:2\"}");
    ck_assert_line(config, true, "{\"option\": \"schedules.s.tz\"",
                   "{\"option\": \"schedules.s.tz\", \"value\": null, \"origin\": \"default\"}");
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

TCase *sources_tests(void)
{
    TCase *tests = tcase_create("sources");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, flags_beat_environment_beats_file_beats_default);
    tcase_add_test(tests, a_value_that_is_overridden_must_be_right_all_the_same);
    tcase_add_test(tests, a_bad_flag_is_refused);
    tcase_add_test(tests, a_flag_can_name_an_entry);
    tcase_add_test(tests, the_file_is_looked_for_in_its_order);
    tcase_add_test(tests, a_named_file_that_cannot_be_read_is_an_error);
    tcase_add_test(tests, a_pipe_that_nobody_writes_to_does_not_hang);
    tcase_add_test(tests, a_huge_file_is_refused);
    tcase_add_test(tests, without_a_file_the_shipped_default_applies);
    tcase_add_test(tests, the_shipped_file_is_the_one_in_the_program);
    tcase_add_test(tests, the_shipped_file_shows_every_option);
    tcase_add_test(tests, wellknown_variables_beat_ours);
    tcase_add_loop_test(tests, every_scalar_option_has_a_variable, 0, ROWS(variables));
    tcase_add_test(tests, a_variable_that_fits_two_names_is_refused);
    tcase_add_test(tests, a_bad_variable_is_refused_by_its_name);
    tcase_add_test(tests, an_unknown_variable_is_told_and_ours_are_not);
    tcase_add_loop_test(tests, secrets_are_resolved, 0, ROWS(secrets));
    tcase_add_test(tests, secrets_in_pairs_are_resolved);
    tcase_add_test(tests, database_urls_may_be_references);
    tcase_add_loop_test(tests, addresses_are_shown_without_passwords, 0, ROWS(masks));
    tcase_add_test(tests, nothing_secret_is_printed);
    tcase_add_test(tests, json_output_is_one_object_a_line);
    return tests;
}
