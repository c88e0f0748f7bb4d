/* The configuration file: what it may say, what it must not, and where a refusal points. */
#include "tests/test_config.h"
#include "common/base/size.h"
#include "config/load.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <inttypes.h>
#include <string.h>

static struct config *load(const char *text)
{
    struct err e = {0};
    struct config *config = config_load_text(text, strlen(text), "t.yaml", &e);
    ck_assert_msg(config != NULL, "%s", e.text);
    return config;
}

static const struct {
    const char *file;
    const char *message;
} refused[] = {
    /* keys */
    {"worker:\n  leese: 15s\n", "t.yaml:2:3: unknown key 'leese' in worker, did you mean 'lease'?"},
    {"wroker:\n  lease: 15s\n", "t.yaml:1:1: unknown key 'wroker', did you mean 'worker'?"},
    {"worker: {lease: 15s, colour: red}", "t.yaml:1:22: unknown key 'colour' in worker"},
    {"queues:\n  sync:\n    brokr: redis\n", "t.yaml:3:5: unknown key 'brokr' in queues.sync, did you mean 'broker'?"},
    {"handlers:\n  a:\n    comand: {argv: [x]}\n",
     "t.yaml:3:5: unknown key 'comand' in handlers.a, did you mean 'command'?"},
    {"handlers:\n  a:\n    command: {argv: [x], cvd: /}\n",
     "t.yaml:3:26: unknown key 'cvd' in handlers.a.command, did you mean 'cwd'?"},
    {"handlers:\n  a:\n    command.argv: [x]\n", "t.yaml:3:5: unknown key 'command.argv' in handlers.a"},
    {"worker: {pool: 1, lease: 9s, pool: 2}", "t.yaml:1:30: the key 'pool' comes twice"},
    {"log: {}\nlog: {}\n", "t.yaml:2:1: the key 'log' comes twice"},
    {"schedules: {a: {handler: x, spec: s, args: {b: {c: 1, c: 2}}}}", "t.yaml:1:55: the key 'c' comes twice"},
    {"? [a]\n: b\n", "t.yaml:1:3: a key that is not a plain word"},

    /* shapes */
    {"just words", "t.yaml:1:1: the configuration: must be a mapping"},
    {"[worker]", "t.yaml:1:1: the configuration: must be a mapping"},
    {"worker: 4", "t.yaml:1:9: worker: must be a mapping"},
    {"queues: [default]", "t.yaml:1:9: queues: must be a mapping"},
    {"queues: {default: redis}", "t.yaml:1:19: queues.default: must be a mapping"},
    {"handlers: {a: {command: /bin/true}}", "t.yaml:1:25: handlers.a.command: must be a mapping"},
    {"worker: {pool: [4]}", "t.yaml:1:16: worker.pool: must be a single value, not a list"},
    {"worker: {pool: {n: 4}}", "t.yaml:1:16: worker.pool: must be a single value, not a mapping"},

    /* values */
    {"schedules: {a: {handler: h, spec: s, anchor: 2026-01-05}}", "t.yaml:1:13: schedules.a.every_weeks: missing"},
    {"schedules: {a: {handler: h, spec: s, every_weeks: 2}}", "t.yaml:1:13: schedules.a.anchor: missing"},
    {"schedules: {a: {handler: h, spec: s, every_weeks: 2, anchor: 2026-02-30}}",
     "t.yaml:1:62: schedules.a.anchor: not a date (2026-01-31) of the years 1970 to 2199"},
    {"worker:\n  lease: 2s\n", "t.yaml:2:10: worker.lease: '2s' is below 5s"},
    {"worker:\n  lease: 11m\n", "t.yaml:2:10: worker.lease: '11m' is above 10m"},
    {"worker:\n  lease: 15\n",
     "t.yaml:2:10: worker.lease: '15' is not a duration like 1h30m (units w d h m s ms, large to small)"},
    {"worker:\n  pool: 0\n", "t.yaml:2:9: worker.pool: '0' is below 1"},
    {"worker:\n  pool: -1\n", "t.yaml:2:9: worker.pool: '-1' is below 1"},
    {"worker:\n  pool: 257\n", "t.yaml:2:9: worker.pool: '257' is above 256"},
    {"worker:\n  pool: 4.5\n", "t.yaml:2:9: worker.pool: '4.5' is not a whole number"},
    {"worker:\n  pool: \"\"\n", "t.yaml:2:9: worker.pool: '' is not a whole number"},
    {"worker:\n  pool: 99999999999999999999\n",
     "t.yaml:2:9: worker.pool: '99999999999999999999' is not a whole number"},
    {"worker:\n  queues: [good, Bad]\n",
     "t.yaml:2:18: worker.queues: 'Bad' is not a queue's name: 1 to 63 of a-z 0-9 _ . -"},
    {"worker:\n  queues: []\n", "t.yaml:2:11: worker.queues: is empty"},
    {"worker:\n  queues: a,,b\n", "t.yaml:2:11: worker.queues: '' is not a queue's name: 1 to 63 of a-z 0-9 _ . -"},
    {"worker:\n  queues: [a, [b]]\n", "t.yaml:2:15: worker.queues: holds something that is not a text or a number"},
    {"worker:\n  queues: [a, ]\n  pool: 0\n", "t.yaml:3:9: worker.pool: '0' is below 1"},
    {"worker:\n  queues:\n  -\n", "t.yaml:3:4: worker.queues: holds something that is not a text or a number"},
    {"worker:\n  queues: {a: b}\n", "t.yaml:2:11: worker.queues: must be a list"},
    {"log: {level: loud}", "t.yaml:1:14: log.level: 'loud' is not one of debug, info, warning, error"},
    {"queues: {a: {broker: kafka}}", "t.yaml:1:22: queues.a.broker: 'kafka' is not one of postgres, redis"},
    {"queues: {a: {limit: -5}}", "t.yaml:1:21: queues.a.limit: '-5' is below 0"},
    {"queues: {Sync: {}}", "t.yaml:1:10: queues: 'Sync' is not a name (1 to 63 of a-z 0-9 _ . -)"},
    {"queues: {'': {}}", "t.yaml:1:10: queues: '' is not a name (1 to 63 of a-z 0-9 _ . -)"},
    {"handlers: {\"a\\tb\": {}}", "t.yaml:1:12: handlers: 'a\tb' is not a name (1 to 200 printable characters)"},
    {"handlers: {a: {memory: 512megs}}", "t.yaml:1:24: handlers.a.memory: '512megs' is not a size like 512MiB"},
    {"handlers: {a: {memory: 1KiB}}", "t.yaml:1:24: handlers.a.memory: '1KiB' is below 1MiB"},
    {"handlers: {a: {max_attempts: 0}}", "t.yaml:1:30: handlers.a.max_attempts: '0' is below 1"},
    {"handlers: {a: {soft: 2h, hard: 1h}}", "t.yaml:1:22: handlers.a.soft: longer than hard"},
    {"handlers: {a: {retry: {delays: [1m, soon]}}}",
     "t.yaml:1:37: handlers.a.retry.delays: 'soon' is not a duration like 1h30m"},
    {"handlers: {a: {retry: {delays: '1m,,2m'}}}",
     "t.yaml:1:32: handlers.a.retry.delays: '' is not a duration like 1h30m"},
    {"handlers: {a: {retry: {delays: [31d]}}}", "t.yaml:1:33: handlers.a.retry.delays: '31d' is above 4w2d"},
    {"handlers: {a: {retry: {delays: []}}}", "t.yaml:1:32: handlers.a.retry.delays: is empty"},
    {"handlers: {a: {retry: {delays: [1m], cap: 1m}}}",
     "t.yaml:1:32: handlers.a.retry.delays: stands instead of retry.first and retry.cap, not beside them"},
    {"handlers: {a: {retry: {first: 2m, cap: 1m}}}", "t.yaml:1:31: handlers.a.retry.first: longer than retry.cap"},
    {"worker: {cancel: {term: 10s, kill: 10s}}", "t.yaml:1:36: worker.cancel.kill: not later than cancel.term"},
    {"worker: {cancel: {kill: 5s}}", "t.yaml:1:25: worker.cancel.kill: not later than cancel.term"},
    {"results: {root: results}", "t.yaml:1:17: results.root: must begin with /: workers are started in any folder"},
    {"celery: {priority_steps: '3,6'}", "t.yaml:1:26: celery.priority_steps: must begin with 0"},
    {"celery: {priority_steps: '0,6,3'}", "t.yaml:1:26: celery.priority_steps: must be rising digits with commas between, 0,3,6,9"},
    {"results: {keep: 59m}", "t.yaml:1:17: results.keep: '59m' is below 1h"},
    {"results: {file_limit: 1KiB}", "t.yaml:1:23: results.file_limit: below limit"},
    {"history: {success: 59m}", "t.yaml:1:20: history.success: below 1h"},
    {"queues: {q: {keep: {errored: 1s}}}", "t.yaml:1:30: queues.q.keep.errored: below 1h"},
    {"results: {mode: 0777}", "t.yaml:1:17: results.mode: '0777' is not one of 0600, 0640, 0644"},
    {"handlers: {a: {queue: UPPER}}",
     "t.yaml:1:23: handlers.a.queue: 'UPPER' is not a queue's name: 1 to 63 of a-z 0-9 _ . -"},
    {"handlers: {a: {command: {argv: ls -l}}}", "t.yaml:1:32: handlers.a.command.argv: must be a list"},
    {"handlers: {a: {command: {argv: ['', x]}}}", "t.yaml:1:32: handlers.a.command.argv: begins with an empty program"},
    {"handlers: {a: {command: {cwd: /srv}}}", "t.yaml:1:12: handlers.a.command.argv: missing"},
    {"handlers: {a: {command: {argv: [x], env: {1A: b}}}}",
     "t.yaml:1:43: handlers.a.command.env: '1A' is not the name of an environment variable"},
    {"handlers: {a: {command: {argv: [x], env: [A=b]}}}", "t.yaml:1:42: handlers.a.command.env: must be a mapping"},
    {"queues: {a: {protocol: celery}}", "t.yaml:1:24: queues.a.protocol: celery needs broker: redis"},
    {"queues: {a: {rows: failures}}", "t.yaml:1:20: queues.a.rows: failures needs broker: redis"},
    {"schedules: {a: {spec: '@hourly'}}", "t.yaml:1:13: schedules.a.handler: missing"},
    {"schedules:\n  a:\n    handler: x\n", "t.yaml:2:3: schedules.a.spec: missing"},
    {"schedules: {a: }", "t.yaml:1:13: schedules.a.handler: missing"},
    {"schedules: {a: {handler: x, spec: ''}}", "t.yaml:1:35: schedules.a.spec: must be a cron expression on one line"},
    {"schedules: {a: {handler: x, spec: [s, \"s\\n\"]}}",
     "t.yaml:1:39: schedules.a.spec: must be a cron expression on one line"},
    {"schedules: {a: {handler: x, spec: s, args: [1]}}",
     "t.yaml:1:44: schedules.a.args: must be a mapping, not a list"},
    {"schedules: {a: {handler: x, spec: s, args: '[1]'}}",
     "t.yaml:1:44: schedules.a.args: must be a mapping or the text of a JSON object, not an array"},
    {"schedules: {a: {handler: x, spec: s, catchup: some}}",
     "t.yaml:1:47: schedules.a.catchup: 'some' is not one of last, all, none"},
    {"schedules: {a: {handler: x, spec: s, overlap: no}}",
     "t.yaml:1:47: schedules.a.overlap: 'no' is not one of allow, skip, queue_one, replace, cancel_other"},
    {"schedules: {a: {handler: x, spec: s, enabled: maybe}}",
     "t.yaml:1:47: schedules.a.enabled: 'maybe' is not true or false"},
    {"schedules: {a: {handler: x, spec: s, start: tomorrow}}",
     "t.yaml:1:45: schedules.a.start: 'tomorrow' is not a time like 2026-03-29T00:30:00Z"},
    {"schedules: {a: {handler: x, spec: s, start: 2026-02-01T00:00:00Z, end: 2026-01-01T00:00:00Z}}",
     "t.yaml:1:72: schedules.a.end: not after start"},
    {"upstreams: {pmp: {url: 'env:PMP_URL'}}",
     "t.yaml:1:24: upstreams.pmp.url: cannot be a reference, only secrets can"},
    {"upstreams: {pmp: {password: \"s3cret\\n\"}}",
     "t.yaml:1:29: upstreams.pmp.password: has a control character in it"},
    {"upstreams: {pmp: {headers: {'a b': c}}}",
     "t.yaml:1:29: upstreams.pmp.headers: 'a b' is not the name of a header"},
    {"upstreams: {pmp: {headers: {a: \"b\\r\\nHost: evil\"}}}",
     "t.yaml:1:29: upstreams.pmp.headers: the value of a has a control character in it"},
    {"database: {url: 'env:DRUMBEAT_TEST_ABSENT'}",
     "t.yaml:1:17: database.url: the environment variable DRUMBEAT_TEST_ABSENT is not set"},

    /* YAML */
    {"worker:\n\tpool: 4\n", "t.yaml:2:1: found character that cannot start any token"},
    {"worker: {pool: 4", "t.yaml:2:1: did not find expected ',' or '}'"},
    {"worker: \"pool\n", "t.yaml:2:1: found unexpected end of stream"},
    {"log:\n  level: in\x01"
     "fo\n",
     "t.yaml:2:12: control characters are not allowed"},
    {"log:\n  level: \xff\n", "t.yaml:2:10: invalid leading UTF-8 octet"},
    {"log: {level: \"in\\0fo\"}", "t.yaml:1:14: a text with a NUL character"},
    {"a: &x {}\n", "t.yaml:1:4: anchors and tags are not supported"},
    {"log: !!map {}\n", "t.yaml:1:6: anchors and tags are not supported"},
    {"log: {level: !!str info}\n", "t.yaml:1:14: anchors and tags are not supported"},
    {"log: *x\n", "t.yaml:1:6: aliases are not supported: write the value again"},
    {"worker: {<<: {pool: 4}}\n", "t.yaml:1:10: unknown key '<<' in worker"},
    {"log: {}\n---\nlog: {}\n", "t.yaml:2:1: a second document"},
};

START_TEST(a_bad_file_is_refused_with_its_place)
{
    const char *text = refused[_i].file;
    struct err e = {0};
    struct config *config = config_load_text(text, strlen(text), "t.yaml", &e);
    ck_assert_msg(config == NULL, "taken: %s", text);
    ck_assert_str_eq(e.text, refused[_i].message);
    ck_assert_int_eq(e.kind, ERR_USAGE);
}
END_TEST

static const char *const empty[] = {"", "\n", "# nothing\n", "---\n", "~", "{}", "worker:\nqueues:\nupstreams: ~\n"};

START_TEST(an_empty_file_gives_the_defaults)
{
    struct config *config CLEANUP(config_freep) = load(empty[_i]);
    ck_assert_int_eq(config->worker.pool, 4);
    ck_assert_int_eq(config->worker.lease, SECONDS(15));
    ck_assert_int_eq(config->worker.drain, SECONDS(25));
    ck_assert_int_eq(config->worker.cancel.term, SECONDS(5));
    ck_assert_int_eq(config->worker.cancel.kill, SECONDS(10));
    ck_assert_ptr_null(config->worker.queues);
    ck_assert_str_eq(config->log.level, "info");
    ck_assert_ptr_null(config->database.url);
    ck_assert_ptr_null(config->redis.url);
    ck_assert_uint_eq(config->queue_count + config->handler_count + config->schedule_count + config->upstream_count, 0);
    ck_assert_ptr_null(config_queue(config, "default"));
}
END_TEST

START_TEST(every_option_lands_in_its_member)
{
    struct config *config CLEANUP(config_freep) =
        load("database: {url: 'postgres://u:p@h/db', listen_url: 'postgres://u:p@h2/db'}\n"
             "redis: {url: 'redis://h'}\n"
             "celery: {result_backend: redis://r, result_expires: 2h, visibility_timeout: 3s, key_prefix: p, priority_steps: '0,5', separator: ':',\n"
             "         unknown_tasks: fail, prefetch: 7, track_started: false, unreported: 0s}\n"
             "worker: {pool: '8', queues: [b, a], lease: 1m30s, drain: 0s, cancel: {term: 1s, kill: 1m}}\n"
             "results: {root: /var/results, keep: 2d, limit: 1KiB, file_limit: 2MiB, mode: 0600}\n"
             "log: {level: debug}\n"
             "queues:\n"
             "  zeta: {broker: redis, protocol: celery, rows: failures, limit: 10}\n"
             "  alpha:\n"
             "handlers:\n"
             "  pmp.partners: {queue: sync, max_attempts: 7, soft: 5m, hard: 6m, memory: 1GiB,\n"
             "                 retry: {first: 1s, cap: 1h}}\n"
             "  report: {retry: {delays: [0s, 1m, 90s]}, command: {argv: [/bin/echo, '', no, 1.50], env: {A: b=c, B: ''}, cwd: /srv}}\n"
             "schedules:\n"
             "  Daily run:\n"
             "    handler: report\n"
             "    args: {a: 1.50}\n"
             "    spec: ['0 6 * * *', '@every 1h']\n"
             "    exclude: '0 6 25 12 *'\n"
             "    tz: Africa/Nairobi\n"
             "    queue: sync\n"
             "    catchup: all\n"
             "    catchup_window: 2h\n"
             "    overlap: cancel_other\n"
             "    jitter: 30s\n"
             "    start: 2026-01-01T00:00:00Z\n"
             "    end: 2026-01-01T03:00:01+03:00\n"
             "    priority: 0\n"
             "    tenant: nepal\n"
             "    notes: ask first\n"
             "    max_runs: 3\n"
             "    every_weeks: 2\n"
             "    anchor: 2026-01-05\n"
             "    pause_after_failures: 4\n"
             "    enabled: no\n"
             "upstreams:\n"
             "  pmp: {kind: x, url: 'http://u', user: a, password: 'file:/p', key: k, cert: c, cert_key: d, ca: e,\n"
             "        headers: {X-A: 'b: c', X-B: 1}}\n"
             "  vision:\n"
             "  other: {}\n");
    ck_assert_str_eq(config->file, "t.yaml");
    ck_assert_str_eq(config->database.url, "postgres://u:p@h/db");
    ck_assert_str_eq(config->database.listen_url, "postgres://u:p@h2/db");
    ck_assert_str_eq(config->redis.url, "redis://h");
    ck_assert_str_eq(config->celery.result_backend, "redis://r");
    ck_assert_int_eq(config->celery.result_expires, HOURS(2));
    ck_assert_int_eq(config->celery.visibility_timeout, SECONDS(3));
    ck_assert_str_eq(config->celery.key_prefix, "p");
    ck_assert_str_eq(config->celery.priority_steps, "0,5");
    ck_assert_str_eq(config->celery.separator, ":");
    ck_assert_str_eq(config->celery.unknown_tasks, "fail");
    ck_assert_int_eq(config->celery.prefetch, 7);
    ck_assert(!config->celery.track_started);
    ck_assert_int_eq(config->celery.unreported, 0);
    ck_assert_int_eq(config->worker.pool, 8);
    ck_assert_list(config->worker.queues, "b|a|");
    ck_assert_int_eq(config->worker.lease, SECONDS(90));
    ck_assert_int_eq(config->worker.drain, 0);
    ck_assert_int_eq(config->worker.cancel.term, SECONDS(1));
    ck_assert_int_eq(config->worker.cancel.kill, MINUTES(1));
    ck_assert_str_eq(config->results.root, "/var/results");
    ck_assert_int_eq(config->results.keep, DAYS(2));
    ck_assert_int_eq(config->results.limit, 1024);
    ck_assert_int_eq(config->results.file_limit, INT64_C(2) << 20);
    ck_assert_str_eq(config->results.mode, "0600");
    ck_assert_str_eq(config->log.level, "debug");

    ck_assert_uint_eq(config->queue_count, 2);
    ck_assert_str_eq(config->queues[0].name, "alpha");
    ck_assert_str_eq(config->queues[0].broker, "postgres");
    ck_assert_str_eq(config->queues[0].protocol, "native");
    ck_assert_str_eq(config->queues[0].rows, "full");
    ck_assert_int_eq(config->queues[0].limit, 0);
    const struct config_queue *queue = config_queue(config, "zeta");
    ck_assert_ptr_eq(queue, &config->queues[1]);
    ck_assert_str_eq(queue->broker, "redis");
    ck_assert_str_eq(queue->protocol, "celery");
    ck_assert_str_eq(queue->rows, "failures");
    ck_assert_int_eq(queue->limit, 10);
    ck_assert_ptr_null(config_queue(config, "beta"));

    const struct config_handler *handler = config_handler(config, "pmp.partners");
    ck_assert_str_eq(handler->queue, "sync");
    ck_assert_int_eq(handler->max_attempts, 7);
    ck_assert_int_eq(handler->limits.soft, MINUTES(5));
    ck_assert_int_eq(handler->limits.hard, MINUTES(6));
    ck_assert_int_eq(handler->limits.memory, INT64_C(1) << 30);
    ck_assert_int_eq(handler->retry.first, SECONDS(1));
    ck_assert_int_eq(handler->retry.cap, HOURS(1));
    ck_assert_ptr_null(handler->retry.delays);
    ck_assert_ptr_null(handler->argv);
    handler = config_handler(config, "report");
    ck_assert_mem_eq(handler->retry.delays, ((const usec_t[]){0, MINUTES(1), SECONDS(90), -1}), 4 * sizeof(usec_t));
    ck_assert_ptr_null(handler->queue);
    ck_assert_int_eq(handler->max_attempts + handler->limits.soft + handler->limits.hard + handler->limits.memory, 0);
    ck_assert_list(handler->argv, "/bin/echo||no|1.50|");
    ck_assert_list(handler->env, "A=b=c|B=|");
    ck_assert_str_eq(handler->cwd, "/srv");

    ck_assert_uint_eq(config->schedule_count, 1);
    const struct config_schedule *schedule = config->schedules;
    ck_assert_str_eq(schedule->name, "Daily run");
    ck_assert_str_eq(schedule->handler, "report");
    ck_assert_str_eq(schedule->args, "{\"a\":1.50}");
    ck_assert_list(schedule->specs, "0 6 * * *|@every 1h|");
    ck_assert_list(schedule->exclude, "0 6 25 12 *|");
    ck_assert_str_eq(schedule->tz, "Africa/Nairobi");
    ck_assert_str_eq(schedule->queue, "sync");
    ck_assert_str_eq(schedule->catchup, "all");
    ck_assert_int_eq(schedule->catchup_window, HOURS(2));
    ck_assert_str_eq(schedule->overlap, "cancel_other");
    ck_assert_int_eq(schedule->jitter, SECONDS(30));
    ck_assert_int_eq(schedule->start_at, SECONDS(INT64_C(1767225600)));
    ck_assert_int_eq(schedule->end_at, SECONDS(INT64_C(1767225601)));
    ck_assert_int_eq(schedule->priority, 0);
    ck_assert_str_eq(schedule->tenant, "nepal");
    ck_assert_str_eq(schedule->notes, "ask first");
    ck_assert_int_eq(schedule->max_runs, 3);
    ck_assert_int_eq(schedule->every_weeks, 2);
    ck_assert_str_eq(schedule->anchor, "2026-01-05");
    ck_assert_int_eq(schedule->pause_after_failures, 4);
    ck_assert(!schedule->enabled);
    ck_assert_str_eq(schedule->where, "t.yaml:16");

    const struct config_upstream *upstream = config_upstream(config, "pmp");
    ck_assert_str_eq(upstream->kind, "x");
    ck_assert_str_eq(upstream->url, "http://u");
    ck_assert_str_eq(upstream->user, "a");
    ck_assert_str_eq(upstream->password, "file:/p");
    ck_assert_str_eq(upstream->key, "k");
    ck_assert_str_eq(upstream->cert, "c");
    ck_assert_str_eq(upstream->cert_key, "d");
    ck_assert_str_eq(upstream->ca, "e");
    ck_assert_list(upstream->headers, "X-A: b: c|X-B: 1|");
    ck_assert_str_eq(config_upstream(config, "vision")->kind, "vision");
    ck_assert_ptr_null(config_upstream(config, "other")->kind);
}
END_TEST

START_TEST(what_a_schedule_leaves_out_has_its_default)
{
    struct config *config CLEANUP(config_freep) = load("schedules: {s: {handler: h, spec: '* * * * *'}}");
    const struct config_schedule *schedule = config->schedules;
    ck_assert_str_eq(schedule->args, "{}");
    ck_assert_list(schedule->specs, "* * * * *|");
    ck_assert_ptr_null(schedule->exclude);
    ck_assert_ptr_null(schedule->tz);
    ck_assert_ptr_null(schedule->queue);
    ck_assert_str_eq(schedule->catchup, "last");
    ck_assert_int_eq(schedule->catchup_window, HOURS(1));
    ck_assert_str_eq(schedule->overlap, "allow");
    ck_assert_int_eq(schedule->jitter + schedule->start_at + schedule->end_at, 0);
    ck_assert_int_eq(schedule->priority, -1);
    ck_assert(!schedule->tenant && !schedule->notes && !schedule->anchor);
    ck_assert_int_eq(schedule->max_runs + schedule->every_weeks + schedule->pause_after_failures, 0);
    ck_assert(schedule->enabled);
}
END_TEST

static const struct {
    const char *written; /* the value of args */
    const char *json;
} arguments[] = {
    {"{}", "{}"},
    {"", "{}"},
    {"{n: 12345678901234567, x: 1.10, y: -0.5e-3, z: 0}", "{\"n\":12345678901234567,\"x\":1.10,\"y\":-0.5e-3,\"z\":0}"},
    {"{pcode: 007, plus: +1, hex: 0x10, dot: .5, end: 5., date: 2026-01-01, inf: .inf}",
     "{\"pcode\":\"007\",\"plus\":\"+1\",\"hex\":\"0x10\",\"dot\":\".5\",\"end\":\"5.\",\"date\":\"2026-01-01\","
     "\"inf\":\".inf\"}"},
    {"{n: '12', t: 'true', q: \"null\"}", "{\"n\":\"12\",\"t\":\"true\",\"q\":\"null\"}"},
    {"{t: true, f: false, a: null, b: ~, c: , norway: no}",
     "{\"t\":true,\"f\":false,\"a\":null,\"b\":null,\"c\":null,\"norway\":\"no\"}"},
    {"{list: [1, {a: b}, []], 1: 2}", "{\"list\":[1,{\"a\":\"b\"},[]],\"1\":2}"},
    {"{text: \"line\\n\\u00e9\\\"\"}", "{\"text\":\"line\\n\xC3\xA9\\\"\"}"},
    {"'{\"a\": 1.00}'", "{\"a\": 1.00}"},
    {"|\n      {\"a\":\n      1}\n", "{\"a\": 1} "},
};

START_TEST(arguments_become_json_with_every_digit)
{
    struct text file CLEANUP(text_free) = {0};
    text_printf(&file, "schedules:\n  s:\n    handler: h\n    spec: s\n    args: %s\n", arguments[_i].written);
    struct config *config CLEANUP(config_freep) = load(text_str(&file));
    ck_assert_str_eq(config->schedules[0].args, arguments[_i].json);
}
END_TEST

static const struct {
    const char *unit;
    const char *begins;
} hostile[] = {
    {"[", "t.yaml:1:33: more than 32 levels deep"},
    {"[\n", "t.yaml:33:1: more than 32 levels deep"},
    {"{", "t.yaml:1:2: a key that is not a plain word"},
    {"a: {", "t.yaml:1:"},
    {"\"a\": [", "t.yaml:1:"},
    {"- ", "t.yaml:1:65: more than 32 levels deep"},
    {"- - ", "t.yaml:1:65: more than 32 levels deep"},
    {"? ", "t.yaml:1:3: a key that is not a plain word"},
    {"[[],", "t.yaml:1:126: more than 32 levels deep"},
    {"!!a ", "t.yaml:1:1: anchors and tags are not supported"},
    {"&a ", "t.yaml:1:1: anchors and tags are not supported"},
    {"*a ", "t.yaml:1:1: aliases are not supported"},
    {"a: 1\n", "t.yaml:"},
};

/* A megabyte of anything is answered at once: the bound is far from what it takes even under sanitizers. */
START_TEST(hostile_files_are_refused_quickly)
{
    struct text file CLEANUP(text_free) = {.max = CONFIG_FILE_MAX};
    while (!file.cut)
        text_puts(&file, hostile[_i].unit);
    struct err e = {0};
    usec_t start_at = clock_boot();
    struct config *config = config_load_text(text_str(&file), file.len, "t.yaml", &e);
    ck_assert_ptr_null(config);
    ck_assert_msg(strncmp(e.text, hostile[_i].begins, strlen(hostile[_i].begins)) == 0, "%s", e.text);
    ck_assert_int_lt(clock_boot() - start_at, SECONDS(30));
}
END_TEST

START_TEST(an_alias_bomb_is_not_expanded)
{
    struct err e = {0};
    const char *text = "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n";
    ck_assert_ptr_null(config_load_text(text, strlen(text), "t.yaml", &e));
    ck_assert_str_eq(e.text, "t.yaml:1:4: anchors and tags are not supported");
}
END_TEST

/* A mapping below args of so many levels. */
static void add_levels(struct text *file, int levels)
{
    text_puts(file, "schedules: {s: {handler: h, spec: s, args: ");
    for (int i = 0; i < levels; i++)
        text_puts(file, "{a: ");
    text_puts(file, "1");
    for (int i = 0; i < levels; i++)
        text_puts(file, "}");
    text_puts(file, "}}");
}

START_TEST(arguments_may_be_nested_up_to_the_maximum)
{
    struct err e = {0};
    struct text file CLEANUP(text_free) = {0};
    add_levels(&file, TREE_DEPTH_MAX - 4);
    struct config *config CLEANUP(config_freep) = load(text_str(&file));
    ck_assert_ptr_nonnull(config);
    text_reset(&file);
    add_levels(&file, TREE_DEPTH_MAX - 3);
    ck_assert_ptr_null(config_load_text(text_str(&file), file.len, "t.yaml", &e));
    ck_assert_ptr_nonnull(strstr(e.text, "more than 32 levels deep"));
}
END_TEST

static void add_names(struct text *file, int count)
{
    text_puts(file, "queues:\n");
    for (int i = 0; i < count; i++)
        text_printf(file, "  q%05d: {limit: %d}\n", count - 1 - i, i);
}

START_TEST(ten_thousand_names_are_taken_and_one_more_is_not)
{
    struct err e = {0};
    struct text file CLEANUP(text_free) = {0};
    add_names(&file, CONFIG_NAMES_MAX);
    struct config *config CLEANUP(config_freep) = load(text_str(&file));
    ck_assert_uint_eq(config->queue_count, CONFIG_NAMES_MAX);
    ck_assert_int_eq(config_queue(config, "q00000")->limit, CONFIG_NAMES_MAX - 1);
    ck_assert_int_eq(config_queue(config, "q09999")->limit, 0);
    text_reset(&file);
    add_names(&file, CONFIG_NAMES_MAX + 1);
    ck_assert_ptr_null(config_load_text(text_str(&file), file.len, "t.yaml", &e));
    ck_assert_str_eq(e.text, "t.yaml:2:3: queues: more than 10000 names");
}
END_TEST

START_TEST(names_have_a_longest)
{
    struct err e = {0};
    struct text file CLEANUP(text_free) = {0};
    text_printf(&file, "queues: {%063d: {}}\nhandlers: {%0200d: {}}\n", 1, 1);
    struct config *config CLEANUP(config_freep) = load(text_str(&file));
    ck_assert_uint_eq(config->queue_count + config->handler_count, 2);
    text_reset(&file);
    text_printf(&file, "queues: {%064d: {}}\n", 1);
    ck_assert_ptr_null(config_load_text(text_str(&file), file.len, "t.yaml", &e));
    text_reset(&file);
    text_printf(&file, "handlers: {%0201d: {}}\n", 1);
    ck_assert_ptr_null(config_load_text(text_str(&file), file.len, "t.yaml", &e));
}
END_TEST

static const struct {
    const char *written;
    int64_t bytes; /* -1: refused */
    const char *shortest;
} sizes[] = {
    {"0", 0, "0"},
    {"1", 1, "1"},
    {"1000", 1000, "1000"},
    {"1024", 1024, "1KiB"},
    {"1536KiB", INT64_C(1536) << 10, "1536KiB"},
    {"512MiB", INT64_C(512) << 20, "512MiB"},
    {"1024MiB", INT64_C(1) << 30, "1GiB"},
    {"2TiB", INT64_C(2) << 40, "2TiB"},
    {"5kB", 5000, "5000"},
    {"2MB", 2000000, "2000000"},
    {"1B", 1, "1"},
    {"", -1, NULL},
    {"MiB", -1, NULL},
    {"-1", -1, NULL},
    {"1.5GiB", -1, NULL},
    {"1 GiB", -1, NULL},
    {"1gib", -1, NULL},
    {"1GiBB", -1, NULL},
    {"9999999TiB", -1, NULL},
    {"99999999999999999999", -1, NULL},
};

START_TEST(sizes_are_read_and_written)
{
    struct err e = {0};
    char shortest[SIZE_TEXT_MAX];
    int64_t bytes = -1;
    bool ok = size_parse(sizes[_i].written, &bytes, &e);
    ck_assert_msg(ok == (sizes[_i].bytes >= 0), "%s: %s", sizes[_i].written, e.text);
    if (!ok)
        return;
    ck_assert_int_eq(bytes, sizes[_i].bytes);
    ck_assert_str_eq(size_format(bytes, shortest), sizes[_i].shortest);
}
END_TEST

void ck_assert_list(const char *const *list, const char *joined)
{
    struct text all CLEANUP(text_free) = {0};
    ck_assert_ptr_nonnull(list);
    for (; *list; list++)
        text_printf(&all, "%s|", *list);
    ck_assert_str_eq(text_str(&all), joined);
}

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tests = tcase_create("file");
    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, a_bad_file_is_refused_with_its_place, 0, ROWS(refused));
    tcase_add_loop_test(tests, an_empty_file_gives_the_defaults, 0, ROWS(empty));
    tcase_add_test(tests, every_option_lands_in_its_member);
    tcase_add_test(tests, what_a_schedule_leaves_out_has_its_default);
    tcase_add_loop_test(tests, arguments_become_json_with_every_digit, 0, ROWS(arguments));
    tcase_add_loop_test(tests, hostile_files_are_refused_quickly, 0, ROWS(hostile));
    tcase_add_test(tests, an_alias_bomb_is_not_expanded);
    tcase_add_test(tests, arguments_may_be_nested_up_to_the_maximum);
    tcase_add_test(tests, ten_thousand_names_are_taken_and_one_more_is_not);
    tcase_add_test(tests, names_have_a_longest);
    tcase_add_loop_test(tests, sizes_are_read_and_written, 0, ROWS(sizes));
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, sources_tests());
    return test_main(suite);
}
