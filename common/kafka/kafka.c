/* kafka: a consumer that is told what to read. librdkafka has threads of its own; what it calls back comes on ours, out of its queues. */
#include "common/kafka/kafka.h"

#include "common/base/text.h"
#include <librdkafka/rdkafka.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 20000, POLL_MS = 500 };

/* Silence in which a server that has what we ask for counts as gone. */
#define SILENCE_MAX SECONDS(30)

struct kafka {
    struct kafka_options options;
    rd_kafka_t *rk;
    rd_kafka_message_t *message; /* the last one */
    struct kafka_part *parts;
    size_t count;
    size_t last; /* whose message came last */
    usec_t heard_at;
    bool away; /* no broker can be reached */
    char complaint[256];
};

static bool fail(struct err *e, rd_kafka_resp_err_t code, const char *doing)
{
    bool away = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
                code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__RESOLVE;
    bool refused = code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
                   code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    return err_set(e, away ? ERR_UNREACHABLE : refused ? ERR_REFUSED : ERR_TRANSIENT, "%s: %s", doing, rd_kafka_err2str(code));
}

/* Opening --------------------------------------------------------------------------------------------- */

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *words)
{
    const struct kafka *kafka = rd_kafka_opaque(rk);
    char line[512];
    snprintf(line, sizeof line, "kafka %s: %s", facility, words);
    if (level <= 4 && kafka->options.log)
        kafka->options.log(kafka->options.data, line);
}

static void on_error(rd_kafka_t *rk, int code, const char *words, void *data)
{
    struct kafka *kafka = data;
    (void)rk;
    snprintf(kafka->complaint, sizeof kafka->complaint, "%s", words);
    kafka->away |= code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
    char why[256];
    return !value || rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK ||
           err_set(e, ERR_USAGE, "kafka: %s", why);
}

/* A certificate or key: the path of a PEM file, or its text. */
static bool set_pem(rd_kafka_conf_t *conf, const char *file_option, const char *text_option, const char *value, struct err *e)
{
    return set(conf, value && strncmp(value, "-----BEGIN", strlen("-----BEGIN")) == 0 ? text_option : file_option, value, e);
}

static bool set_address(rd_kafka_conf_t *conf, const struct kafka_options *o, struct err *e)
{
    bool tls = strncmp(o->url, "kafkas://", strlen("kafkas://")) == 0;
    if (!tls && strncmp(o->url, "kafka://", strlen("kafka://")) != 0)
        return err_set(e, ERR_USAGE, "kafka: the URL is neither kafka://HOST:PORT,… nor kafkas://…");
    const char *hosts = strstr(o->url, "://") + strlen("://"), *protocol = tls ? "ssl" : "plaintext";
    if (o->user)
        protocol = tls ? "sasl_ssl" : "sasl_plaintext";
    char list[1024];
    snprintf(list, sizeof list, "%.*s", (int)strcspn(hosts, "/?#"), hosts);
    return set(conf, "bootstrap.servers", list, e) && set(conf, "security.protocol", protocol, e) &&
           (!o->user || (set(conf, "sasl.mechanisms", o->mechanism ? o->mechanism : "PLAIN", e) && set(conf, "sasl.username", o->user, e) &&
                         set(conf, "sasl.password", o->password, e))) &&
           set_pem(conf, "ssl.ca.location", "ssl.ca.pem", o->ca, e) && set_pem(conf, "ssl.certificate.location", "ssl.certificate.pem", o->cert, e) &&
           set_pem(conf, "ssl.key.location", "ssl.key.pem", o->cert_key, e);
}

/* What lies ready is bounded, so that memory does not grow with how far it is behind. */
static bool set_all(rd_kafka_conf_t *conf, const struct kafka_options *o, struct err *e)
{
    static const char *const fixed[][2] = {
        {"client.id", "drumbeat"},         {"enable.auto.commit", "false"},   {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"}, {"enable.partition.eof", "true"},  {"queued.max.messages.kbytes", "32768"},
        {"log.queue", "true"},             {"allow.auto.create.topics", "false"}, {"receive.message.max.bytes", "67108864"},
        {"fetch.max.bytes", "33554432"},   {"fetch.wait.max.ms", "100"},
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (!set(conf, fixed[i][0], fixed[i][1], e))
            return false;
    return set(conf, "group.id", o->group, e) && set_address(conf, o, e);
}

struct kafka *kafka_open(const struct kafka_options *options, struct err *e)
{
    char why[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct kafka *kafka = mem_zero(1, sizeof *kafka);
    kafka->options = *options;
    rd_kafka_conf_set_opaque(conf, kafka);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (set_all(conf, options, e) && !(kafka->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why)))
        err_set(e, ERR_USAGE, "kafka: %s", why);
    if (!kafka->rk) {
        rd_kafka_conf_destroy(conf);
        kafka_close(kafka);
        return NULL;
    }
    rd_kafka_set_log_queue(kafka->rk, NULL);
    rd_kafka_poll_set_consumer(kafka->rk);
    return kafka;
}

void kafka_close(struct kafka *kafka)
{
    if (!kafka)
        return;
    if (kafka->message)
        rd_kafka_message_destroy(kafka->message);
    if (kafka->rk)
        rd_kafka_destroy_flags(kafka->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(kafka->parts);
    free(kafka);
}

void kafka_closep(struct kafka **kafka)
{
    kafka_close(*kafka);
}

/* Topics and their partitions ------------------------------------------------------------------------- */

size_t kafka_count(const struct kafka *kafka)
{
    return kafka->count;
}

struct kafka_part *kafka_part(struct kafka *kafka, size_t n)
{
    return &kafka->parts[n];
}

static bool add_parts(struct kafka *kafka, const rd_kafka_metadata_topic_t *topic, struct err *e)
{
    if (kafka->count + (size_t)topic->partition_cnt > KAFKA_PARTS_MAX)
        return err_set(e, ERR_LIMIT, "the topics have more than %d partitions", KAFKA_PARTS_MAX);
    for (int i = 0; i < topic->partition_cnt; i++) {
        struct kafka_part *part = &kafka->parts[kafka->count++];
        *part = (struct kafka_part){.number = topic->partitions[i].id, .committed = -1};
        snprintf(part->topic, sizeof part->topic, "%s", topic->topic);
    }
    return true;
}

/* "^(?:…)$" in the words of POSIX; names that begin with "__" are Kafka's own. */
static bool add_matching(struct kafka *kafka, const rd_kafka_metadata_t *all, const char *pattern, struct err *e)
{
    regex_t regex;
    struct text whole CLEANUP(text_free) = {0};
    text_printf(&whole, "^(%s)$", pattern);
    if (regcomp(&regex, text_str(&whole), REG_EXTENDED | REG_NOSUB) != 0)
        return err_set(e, ERR_DATA, "'%s' is not a regular expression", pattern);
    bool good = true;
    for (int i = 0; i < all->topic_cnt && good; i++) {
        const rd_kafka_metadata_topic_t *topic = &all->topics[i];
        if (strncmp(topic->topic, "__", 2) != 0 && strlen(topic->topic) <= KAFKA_TOPIC_MAX && regexec(&regex, topic->topic, 0, NULL, 0) == 0)
            good = add_parts(kafka, topic, e);
    }
    regfree(&regex);
    return good;
}

static rd_kafka_topic_partition_list_t *list_parts(const struct kafka *kafka)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)kafka->count);
    for (size_t i = 0; i < kafka->count; i++)
        rd_kafka_topic_partition_list_add(list, kafka->parts[i].topic, kafka->parts[i].number);
    return list;
}

static bool read_committed(struct kafka *kafka, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = list_parts(kafka);
    rd_kafka_resp_err_t code = rd_kafka_committed(kafka->rk, list, CALL_MS);
    for (size_t i = 0; i < kafka->count && !code; i++)
        kafka->parts[i].committed = list->elems[i].offset >= 0 ? list->elems[i].offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    return !code || fail(e, code, "the offsets of the group");
}

static bool read_marks(struct kafka *kafka, struct err *e)
{
    for (size_t i = 0; i < kafka->count; i++) {
        struct kafka_part *part = &kafka->parts[i];
        rd_kafka_resp_err_t code =
            rd_kafka_query_watermark_offsets(kafka->rk, part->topic, part->number, &part->low, &part->high, CALL_MS);
        if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT)
            return fail(e, code, part->topic);
        if (code)
            part->why = rd_kafka_err2str(code);
    }
    return true;
}

bool kafka_find(struct kafka *kafka, const char *pattern, struct err *e)
{
    const rd_kafka_metadata_t *all = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(kafka->rk, 1, NULL, &all, CALL_MS);
    if (code)
        return fail(e, code, *kafka->complaint ? kafka->complaint : "the list of topics");
    free(kafka->parts);
    kafka->parts = mem_zero(KAFKA_PARTS_MAX, sizeof *kafka->parts);
    kafka->count = 0;
    bool good = add_matching(kafka, all, pattern, e);
    rd_kafka_metadata_destroy(all);
    return good && (kafka->count == 0 || (read_committed(kafka, e) && read_marks(kafka, e)));
}

/* Reading --------------------------------------------------------------------------------------------- */

bool kafka_begin(struct kafka *kafka, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)kafka->count);
    for (size_t i = 0; i < kafka->count; i++) {
        struct kafka_part *part = &kafka->parts[i];
        if (part->next < part->low || part->next > part->high)
            part->next = part->low;
        part->settled = part->next;
        part->ended = part->why || part->next >= part->high;
        if (!part->ended)
            rd_kafka_topic_partition_list_add(list, part->topic, part->number)->offset = part->next;
    }
    rd_kafka_resp_err_t code = list->cnt > 0 ? rd_kafka_assign(kafka->rk, list) : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
    kafka->heard_at = clock_boot();
    return !code || fail(e, code, "the partitions");
}

static struct kafka_part *find_part(struct kafka *kafka, const rd_kafka_message_t *message)
{
    const char *topic = message->rkt ? rd_kafka_topic_name(message->rkt) : "";
    for (size_t i = 0; i < kafka->count; i++) {
        struct kafka_part *part = &kafka->parts[(kafka->last + i) % kafka->count]; /* they come in rows */
        if (part->number == message->partition && strcmp(part->topic, topic) == 0) {
            kafka->last = (size_t)(part - kafka->parts);
            return part;
        }
    }
    return NULL;
}

static bool all_ended(const struct kafka *kafka)
{
    for (size_t i = 0; i < kafka->count; i++)
        if (!kafka->parts[i].ended)
            return false;
    return true;
}

/* An event of a partition that is no message: its end, or an error that is its own. */
static void end_part(struct kafka_part *part, const rd_kafka_message_t *event)
{
    part->ended = true;
    if (event->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        part->next = event->offset > part->next ? event->offset : part->next;
    else
        part->why = rd_kafka_err2str(event->err);
}

static enum kafka_got take(struct kafka *kafka, struct kafka_part *part, struct kafka_message *out)
{
    const rd_kafka_message_t *message = kafka->message;
    if (message->err) {
        end_part(part, message);
        return KAFKA_NOTHING;
    }
    part->next = message->offset + 1;
    part->ended |= part->next >= part->high; /* what came since is the next run's */
    *out = (struct kafka_message){part, message->offset, message->payload, message->len};
    return KAFKA_MESSAGE;
}

/* Beyond the end of its partition as it was: read ahead. */
static bool is_late(const struct kafka_part *part, const rd_kafka_message_t *message)
{
    return part && part->ended && !message->err;
}

enum kafka_got kafka_poll(struct kafka *kafka, struct kafka_message *out, struct err *e)
{
    if (kafka->message)
        rd_kafka_message_destroy(kafka->message);
    kafka->message = NULL;
    if (all_ended(kafka))
        return KAFKA_ENDED;
    kafka->message = rd_kafka_consumer_poll(kafka->rk, POLL_MS);
    struct kafka_part *part = kafka->message ? find_part(kafka, kafka->message) : NULL;
    if (part) {
        kafka->heard_at = clock_boot();
        kafka->away = false;
        return is_late(part, kafka->message) ? KAFKA_NOTHING : take(kafka, part, out);
    }
    if (clock_boot() - kafka->heard_at < SILENCE_MAX)
        return KAFKA_NOTHING;
    err_set(e, kafka->away ? ERR_UNREACHABLE : ERR_TRANSIENT, "kafka: silent for %d s%s%s", (int)(SILENCE_MAX / SECONDS(1)),
            *kafka->complaint ? ": " : "", kafka->complaint);
    return KAFKA_FAILED;
}

bool kafka_commit(struct kafka *kafka, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (size_t i = 0; i < kafka->count; i++) {
        const struct kafka_part *part = &kafka->parts[i];
        if (part->settled != part->committed && !(part->committed < 0 && part->settled == part->low))
            rd_kafka_topic_partition_list_add(list, part->topic, part->number)->offset = part->settled;
    }
    rd_kafka_resp_err_t code = list->cnt > 0 ? rd_kafka_commit(kafka->rk, list, 0) : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
    for (size_t i = 0; i < kafka->count && !code; i++)
        kafka->parts[i].committed = kafka->parts[i].settled;
    return !code || fail(e, code, "committing the offsets of the group");
}
