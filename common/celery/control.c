/* control: requests of remote control in, replies out. What is done about a request is the worker's. */
#include "common/celery/control.h"

#include "common/celery/letter.h"
#include "common/celery/message.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/resource.h>

static bool name_is_sane(const char *name)
{
    return name && *name && strlen(name) <= CELERY_NAME_MAX;
}

bool control_request_read(const char *text, size_t len, struct control_request *out, struct err *e)
{
    *out = (struct control_request){.letter = letter_read(text, len, e)};
    if (!out->letter)
        return false;
    const struct js *body = js_get(out->letter, "body"), *headers = js_get(out->letter, "headers"), *reply = js_get(body, "reply_to");
    out->method = js_text(js_get(body, "method"));
    out->arguments = js_get(body, "arguments");
    out->destination = js_type(js_get(body, "destination")) == JS_ARRAY ? js_get(body, "destination") : NULL;
    out->pattern = js_text(js_get(body, "pattern"));
    out->matcher = js_text(js_get(body, "matcher"));
    out->ticket = js_text(js_get(body, "ticket"));
    out->reply_exchange = js_text(js_get(reply, "exchange"));
    out->reply_key = js_text(js_get(reply, "routing_key"));
    js_integer(js_get(headers, "clock"), &out->clock);
    js_number(js_get(headers, "expires"), &out->expires);
    if (!name_is_sane(out->reply_exchange) || !name_is_sane(out->reply_key))
        out->reply_exchange = out->reply_key = NULL;
    if (name_is_sane(out->method))
        return true;
    control_request_free(out);
    return err_set(e, ERR_DATA, "a request without a method");
}

void control_request_free(struct control_request *request)
{
    js_free(request->letter);
    *request = (struct control_request){0};
}

void control_request_write(const char *method, const struct js *arguments, const char *ticket, struct text *out)
{
    struct js *body CLEANUP(js_freep) = js_new_object();
    if (ticket) {
        struct js *reply = js_new_object();
        js_set(reply, "exchange", js_new_text(CONTROL_REPLIES));
        js_set(reply, "routing_key", js_new_text(ticket));
        js_set(body, "reply_to", reply);
        js_set(body, "ticket", js_new_text(ticket));
    }
    js_set(body, "method", js_new_text(method));
    js_set(body, "arguments", js_copy(arguments));
    js_set(body, "destination", js_new_null());
    js_set(body, "pattern", js_new_null());
    js_set(body, "matcher", js_new_null());
    letter_write(&(struct letter){.exchange = CONTROL_EXCHANGE, .routing_key = "", .delivery_mode = 2, .body = body}, out);
}

static bool is_named(const struct js *destination, const char *hostname)
{
    for (size_t i = 0; i < js_count(destination); i++) {
        const char *name = js_text(js_at(destination, i));
        if (name && strcmp(name, hostname) == 0)
            return true;
    }
    return false;
}

bool control_is_for(const struct control_request *request, const char *hostname, usec_t now)
{
    if (request->expires > 0 && (double)now / 1e6 > request->expires)
        return false;
    if (request->destination && js_count(request->destination) > 0)
        return is_named(request->destination, hostname);
    if (request->pattern && request->matcher)
        return strcmp(request->matcher, "glob") == 0 && fnmatch(request->pattern, hostname, 0) == 0;
    return true;
}

void control_reply_write(const struct control_request *request, const char *hostname, const struct js *answer, int64_t clock, struct text *out)
{
    struct js *body CLEANUP(js_freep) = js_new_object(), *headers CLEANUP(js_freep) = js_new_object();
    js_set(body, hostname, js_copy(answer));
    js_set(headers, "ticket", js_new_text(request->ticket));
    js_set(headers, "clock", js_new_integer(clock));
    letter_write(&(struct letter){.exchange = request->reply_exchange, .routing_key = request->reply_key, .delivery_mode = 1, .headers = headers, .body = body},
                 out);
}

void control_reply_key(const struct control_request *request, struct text *out)
{
    text_printf(out, "%s.%s", request->reply_key, request->reply_exchange);
}

/* What commands answer ---------------------------------------------------------------------------------------------------- */

struct js *control_ok(const char *text)
{
    struct js *answer = js_new_object();
    js_set(answer, "ok", js_new_text(text));
    return answer;
}

struct js *control_refusal(const char *text)
{
    struct js *answer = js_new_object();
    js_set(answer, "error", js_new_text(text));
    return answer;
}

struct js *control_error(const char *kind, const char *text)
{
    struct text shown CLEANUP(text_free) = {0};
    text_printf(&shown, "%s('%s')", kind, text);
    return control_refusal(text_str(&shown));
}

static struct js *parsed_or(const char *json, struct js *fallback)
{
    struct err e;
    struct js *value = json ? js_parse(json, strlen(json), &e) : NULL;
    if (!value)
        return fallback;
    js_free(fallback);
    return value;
}

static struct js *delivery_info(const struct control_task *task)
{
    struct js *info = js_new_object();
    js_set(info, "exchange", js_new_text(""));
    js_set(info, "routing_key", js_new_text(task->queue));
    js_set(info, "priority", js_new_integer(task->priority));
    js_set(info, "redelivered", js_new_null());
    return info;
}

struct js *control_task(const struct control_task *task)
{
    struct js *out = js_new_object();
    js_set(out, "id", js_new_text(task->id));
    js_set(out, "name", js_new_text(task->name));
    js_set(out, "args", parsed_or(task->args, js_new_array()));
    js_set(out, "kwargs", parsed_or(task->kwargs, js_new_object()));
    js_set(out, "type", js_new_text(task->name));
    js_set(out, "hostname", js_new_text(task->hostname));
    js_set(out, "time_start", task->started_at ? js_new_real((double)task->started_at / 1e6) : js_new_null());
    js_set(out, "acknowledged", js_new_bool(task->acknowledged));
    js_set(out, "delivery_info", delivery_info(task));
    js_set(out, "worker_pid", task->pid ? js_new_integer(task->pid) : js_new_null());
    return out;
}

struct js *control_scheduled(const struct control_task *task)
{
    char eta[CLOCK_TEXT_MAX];
    struct js *out = js_new_object();
    js_set(out, "eta", task->eta_at ? js_new_text(celery_time_format(task->eta_at, eta)) : js_new_null());
    js_set(out, "priority", js_new_integer(6)); /* of the timer that Celery waits with; tools show it */
    js_set(out, "request", control_task(task));
    return out;
}

static struct js *exchange_of(const char *queue)
{
    struct js *exchange = js_new_object();
    js_set(exchange, "name", js_new_text(queue));
    js_set(exchange, "type", js_new_text("direct"));
    js_set(exchange, "arguments", js_new_null());
    js_set(exchange, "durable", js_new_bool(true));
    js_set(exchange, "passive", js_new_bool(false));
    js_set(exchange, "auto_delete", js_new_bool(false));
    js_set(exchange, "delivery_mode", js_new_null());
    js_set(exchange, "no_declare", js_new_bool(false));
    return exchange;
}

/* The members that kombu shows of a queue; those that are the same for every queue on Redis are a table. */
struct js *control_queue(const char *name)
{
    static const char *const unset[] = {"queue_arguments", "binding_arguments", "consumer_arguments", "alias",
                                        "no_declare",      "expires",           "message_ttl",        "max_length",
                                        "max_length_bytes", "max_priority"};
    static const struct {
        const char *key;
        bool value;
    } flags[] = {{"durable", true}, {"exclusive", false}, {"auto_delete", false}, {"no_ack", false}};
    struct js *queue = js_new_object();
    js_set(queue, "name", js_new_text(name));
    js_set(queue, "exchange", exchange_of(name));
    js_set(queue, "routing_key", js_new_text(name));
    js_set(queue, "bindings", js_new_array());
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        js_set(queue, flags[i].key, js_new_bool(flags[i].value));
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        js_set(queue, unset[i], js_new_null());
    return queue;
}

static struct js *pool_of(const struct control_stats *stats)
{
    struct js *pool = js_new_object(), *processes = js_new_array(), *timeouts = js_new_array(), *writes = js_new_object();
    struct js *inqueues = js_new_object();
    for (size_t i = 0; i < stats->child_count; i++)
        js_push(processes, js_new_integer(stats->children[i]));
    js_push(timeouts, js_new_integer(0));
    js_push(timeouts, js_new_integer(0));
    js_set(inqueues, "total", js_new_integer((int64_t)stats->child_count));
    js_set(inqueues, "active", js_new_integer(0));
    js_set(writes, "total", js_new_integer(0));
    js_set(writes, "avg", js_new_text("0.00"));
    js_set(writes, "all", js_new_text(""));
    js_set(writes, "raw", js_new_text(""));
    js_set(writes, "strategy", js_new_text("fair"));
    js_set(writes, "inqueues", inqueues);
    js_set(pool, "implementation", js_new_text("drumbeat: a process each"));
    js_set(pool, "max-concurrency", js_new_integer(stats->pool));
    js_set(pool, "processes", processes);
    js_set(pool, "max-tasks-per-child", js_new_text("N/A"));
    js_set(pool, "put-guarded-by-semaphore", js_new_bool(false));
    js_set(pool, "timeouts", timeouts);
    js_set(pool, "writes", writes);
    return pool;
}

static struct js *broker_of(const struct control_stats *stats)
{
    struct js *broker = js_new_object();
    js_set(broker, "hostname", js_new_text(stats->broker_path ? stats->broker_path : stats->broker_host));
    js_set(broker, "port", stats->broker_port ? js_new_integer(stats->broker_port) : js_new_null());
    js_set(broker, "virtual_host", js_new_text(stats->broker_db));
    js_set(broker, "transport", js_new_text("redis"));
    js_set(broker, "userid", js_new_null());
    js_set(broker, "ssl", js_new_bool(false));
    js_set(broker, "transport_options", js_new_object());
    js_set(broker, "alternates", js_new_array());
    js_set(broker, "insist", js_new_bool(false));
    js_set(broker, "connect_timeout", js_new_integer(4));
    js_set(broker, "login_method", js_new_null());
    js_set(broker, "uri_prefix", js_new_null());
    js_set(broker, "heartbeat", js_new_integer(0));
    js_set(broker, "failover_strategy", js_new_text("round-robin"));
    return broker;
}

static struct js *usage_now(void)
{
    struct js *usage = js_new_object();
    struct rusage self;
    getrusage(RUSAGE_SELF, &self);
    js_set(usage, "utime", js_new_real((double)self.ru_utime.tv_sec + (double)self.ru_utime.tv_usec / 1e6));
    js_set(usage, "stime", js_new_real((double)self.ru_stime.tv_sec + (double)self.ru_stime.tv_usec / 1e6));
    const struct {
        const char *key;
        long value;
    } numbers[] = {{"maxrss", self.ru_maxrss},   {"ixrss", self.ru_ixrss},       {"idrss", self.ru_idrss},   {"isrss", self.ru_isrss},
                   {"minflt", self.ru_minflt},   {"majflt", self.ru_majflt},     {"nswap", self.ru_nswap},   {"inblock", self.ru_inblock},
                   {"oublock", self.ru_oublock}, {"msgsnd", self.ru_msgsnd},     {"msgrcv", self.ru_msgrcv}, {"nsignals", self.ru_nsignals},
                   {"nvcsw", self.ru_nvcsw},     {"nivcsw", self.ru_nivcsw}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        js_set(usage, numbers[i].key, js_new_integer(numbers[i].value));
    return usage;
}

struct js *control_stats(const struct control_stats *stats)
{
    struct text clock CLEANUP(text_free) = {0};
    struct js *out = js_new_object();
    text_printf(&clock, "%lld", (long long)stats->clock);
    js_set(out, "total", stats->total ? js_copy(stats->total) : js_new_object());
    js_set(out, "pid", js_new_integer(stats->pid));
    js_set(out, "clock", js_new_text(text_str(&clock)));
    js_set(out, "uptime", js_new_integer(stats->uptime_s));
    js_set(out, "pool", pool_of(stats));
    js_set(out, "broker", broker_of(stats));
    js_set(out, "prefetch_count", js_new_integer(stats->prefetch));
    js_set(out, "rusage", usage_now());
    return out;
}
