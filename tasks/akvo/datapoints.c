/* akvo.datapoints: read what came in the topics of all tenants and keep the newest of each data point in the tenant's own schema. A run ends when it
 * has caught up with what was there when it began, or when its time is over; the next one looks for new topics and goes on. Offsets are
 * committed after the data: what a crash leaves between is read again, and writes nothing. */
#include "tasks/akvo/akvo.h"

#include "common/task/report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000, TENANTS_MAX = 5000 };

struct args {
    const char *topics, *group, *upstream, *registry, *mechanism;
    int64_t seconds;
};

static const struct field fields[] = {
    STR_FIELD(struct args, topics, .fallback = ".*datapoint.*", .min = 1, .max = 500,
              .help = "regular expression of the topics' names; each is a tenant"),
    STR_FIELD(struct args, group, .fallback = "akvo-flow-maps-consumer", .min = 1, .max = 249, .help = "consumer group"),
    I64_FIELD(struct args, seconds, .fallback = "55", .min = 1, .max = 3000, .help = "longest time to read before new topics are looked for"),
    STR_FIELD(struct args, mechanism, .fallback = "PLAIN", .help = "how the upstream's user signs in: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512"),
    STR_FIELD(struct args, registry, .help = "the upstream that is the schema registry; none: all is of the known schema"),
    STR_FIELD(struct args, upstream, .fallback = "kafka", .help = "the upstream to read from"),
    {0},
};

struct tenant {
    const char *topic;
    bool open;
};

struct reading {
    struct task *task;
    const struct args *args;
    struct kafka *kafka;
    struct akvo_schemas schemas;
    struct tenant tenants[TENANTS_MAX];
    size_t tenants_count;
    /* of the batch */
    struct region *region;
    struct akvo_point points[BATCH];
    struct kafka_part *parts[BATCH];
    int64_t offsets[BATCH];
    size_t count, taken; /* points; messages */
    int64_t seen, total;
    usec_t until;
    struct report report;
};

/* What a run reads ------------------------------------------------------------------------------------ */

static void log_line(void *data, const char *line)
{
    task_log(data, LOG_WARNING, "%s", line);
}

static struct kafka *open_kafka(struct task *task, const struct args *args, struct err *e)
{
    const struct upstream *up = task_upstream(task, args->upstream, e);
    if (!up)
        return NULL;
    const struct kafka_options options = {.url = up->url, .group = args->group, .user = up->user, .password = up->password,
                                          .mechanism = args->mechanism, .ca = up->ca, .cert = up->cert, .cert_key = up->cert_key,
                                          .log = log_line, .data = task};
    return kafka_open(&options, e);
}

/* The topics that were found, each once: partitions of one stand beside each other. */
static size_t list_topics(struct kafka *kafka, const char **topics)
{
    size_t count = 0;
    for (size_t i = 0; i < kafka_count(kafka); i++)
        if (count == 0 || strcmp(topics[count - 1], kafka_part(kafka, i)->topic) != 0)
            topics[count++] = kafka_part(kafka, i)->topic;
    return count;
}

/* Where to begin: as the group says; when it has forgotten, as we know; else with the first there is. */
static bool choose_offsets(struct reading *r, struct err *e)
{
    struct pg_rows rows;
    const char **topics = task_alloc(r->task, (kafka_count(r->kafka) + 1) * sizeof *topics);
    if (!task_sql_rows(r->task, &sql_akvo_read, &rows, e, pg_texts(topics, list_topics(r->kafka, topics))))
        return false;
    for (size_t i = 0; i < kafka_count(r->kafka); i++) {
        struct kafka_part *part = kafka_part(r->kafka, i);
        part->next = part->committed >= 0 ? part->committed : part->low;
        for (size_t k = 0; k < rows.count && part->committed < 0; k++)
            if (pg_get_int(&rows, k, 1) == part->number && strcmp(pg_get_text(&rows, k, 0), part->topic) == 0)
                part->next = pg_get_int(&rows, k, 2);
    }
    return task_commit(r->task, e);
}

static bool begin(struct reading *r, struct err *e)
{
    if (!kafka_find(r->kafka, r->args->topics, e) || !choose_offsets(r, e) || !kafka_begin(r->kafka, e))
        return false;
    for (size_t i = 0; i < kafka_count(r->kafka); i++) {
        const struct kafka_part *part = kafka_part(r->kafka, i);
        r->total += part->why ? 0 : part->high - part->next;
    }
    return true;
}

/* A message ------------------------------------------------------------------------------------------- */

static void set_place(struct reading *r, const struct kafka_part *part, int64_t offset)
{
    r->report.id = part->topic;
    r->report.page = part->number;
    r->report.index = offset;
}

/* False: it cannot be known now what it is. One that is no data point is told, and the next is read. */
static bool take(struct reading *r, const struct kafka_message *message, struct err *e)
{
    struct err why;
    r->taken++;
    r->report.fetched++;
    set_place(r, message->part, message->offset);
    r->parts[r->count] = message->part;
    r->offsets[r->count] = message->offset;
    if (!message->value) {
        report_skip(&r->report, "a message without a value");
        return true;
    }
    if (akvo_read_point(&r->schemas, message->value, message->len, r->region, &r->points[r->count], &why)) {
        r->count++;
        return true;
    }
    if (why.kind == ERR_DATA)
        report_fail(&r->report, why.text, true);
    *e = why;
    return why.kind == ERR_DATA;
}

/* Tenants --------------------------------------------------------------------------------------------- */

/* What is wrong with what was sent, and not with the connection. */
static bool is_theirs(const struct err *e)
{
    return e->kind == ERR_DATA || e->kind == ERR_FAILED || e->kind == ERR_LIMIT || e->kind == ERR_REFUSED;
}

/* One that cannot be opened is left where it is; the others go on. */
static void give_up(struct reading *r, const char *topic, const struct err *why)
{
    for (size_t i = 0; i < kafka_count(r->kafka); i++) {
        struct kafka_part *part = kafka_part(r->kafka, i);
        if (strcmp(part->topic, topic) == 0) {
            part->ended = true;
            part->why = region_strdup(task_region(r->task), why->text);
        }
    }
    task_log(r->task, LOG_ERROR, "%s: its schema cannot be made: %s", topic, why->text);
}

/* *open: messages of it can be stored. */
static bool open_tenant(struct reading *r, const char *topic, bool *open, struct err *e)
{
    struct pg *pg = task_pg(r->task, e);
    struct pg_rows rows;
    for (size_t i = 0; i < r->tenants_count; i++)
        if (strcmp(r->tenants[i].topic, topic) == 0) {
            *open = r->tenants[i].open;
            return true;
        }
    if (r->tenants_count == TENANTS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d tenants", TENANTS_MAX);
    if (!pg || !pg_savepoint(pg, e))
        return false;
    *open = task_sql_rows(r->task, &sql_akvo_open, &rows, e, pg_text(topic));
    if (!*open && !is_theirs(e))
        return false;
    if (!*open)
        give_up(r, topic, e);
    r->tenants[r->tenants_count++] = (struct tenant){topic, *open};
    return *open ? pg_release_savepoint(pg, e) : pg_rollback_to_savepoint(pg, e);
}

/* The points which[0] … which[count - 1] of one tenant. */
static bool store(struct reading *r, const size_t *which, size_t count, struct err *e)
{
    const char *identifiers[BATCH], *longitudes[BATCH], *latitudes[BATCH];
    int64_t surveys[BATCH], created[BATCH], updated[BATCH];
    struct pg_rows rows;
    for (size_t i = 0; i < count; i++) {
        const struct akvo_point *point = &r->points[which[i]];
        identifiers[i] = point->identifier;
        surveys[i] = point->survey_id;
        longitudes[i] = point->longitude;
        latitudes[i] = point->latitude;
        created[i] = point->created_ms;
        updated[i] = point->updated_ms;
    }
    if (!task_sql_rows(r->task, &sql_akvo_store, &rows, e, pg_text(r->parts[which[0]]->topic), pg_texts(identifiers, count), pg_ints(surveys, count),
                       pg_texts(longitudes, count), pg_texts(latitudes, count), pg_ints(created, count), pg_ints(updated, count)))
        return false;
    r->report.created += pg_get_int(&rows, 0, 0);
    r->report.updated += pg_get_int(&rows, 0, 1);
    r->report.unchanged += (int64_t)count - pg_get_int(&rows, 0, 0) - pg_get_int(&rows, 0, 1);
    return true;
}

/* Together; when the database refuses that, each alone, and what is refused then is told. */
static bool store_safely(struct reading *r, const size_t *which, size_t count, struct err *e)
{
    struct pg *pg = task_pg(r->task, e);
    if (!pg || !pg_savepoint(pg, e))
        return false;
    if (store(r, which, count, e))
        return pg_release_savepoint(pg, e);
    if (!is_theirs(e))
        return false;
    struct err why = *e;
    if (!pg_rollback_to_savepoint(pg, e))
        return false;
    if (count == 1) {
        set_place(r, r->parts[which[0]], r->offsets[which[0]]);
        report_fail(&r->report, why.text, false);
    }
    for (size_t i = 0; i < count && count > 1; i++)
        if (!store_safely(r, which + i, 1, e))
            return false;
    return true;
}

/* Batches --------------------------------------------------------------------------------------------- */

/* All points of the batch that belong to the topic of point `first`, which is the first of them. */
static bool store_topic(struct reading *r, size_t first, struct err *e)
{
    size_t which[BATCH], count = 0;
    bool open = false;
    const char *topic = r->parts[first]->topic;
    for (size_t i = first; i < r->count; i++)
        if (strcmp(r->parts[i]->topic, topic) == 0)
            which[count++] = i;
    if (!open_tenant(r, topic, &open, e))
        return false;
    if (open)
        return store_safely(r, which, count, e);
    r->report.skipped += (int64_t)count;
    return true;
}

static bool is_first_of_topic(const struct reading *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(r->parts[i]->topic, r->parts[n]->topic) == 0)
            return false;
    return true;
}

/* How far each partition is, in the transaction of its data. */
static bool write_offsets(struct reading *r, struct err *e)
{
    size_t count = 0, all = kafka_count(r->kafka);
    const char **topics = region_alloc(r->region, (all + 1) * sizeof *topics);
    int64_t *numbers = region_alloc(r->region, (all + 1) * sizeof *numbers), *next = region_alloc(r->region, (all + 1) * sizeof *next),
            *high = region_alloc(r->region, (all + 1) * sizeof *high);
    for (size_t i = 0; i < all; i++) {
        struct kafka_part *part = kafka_part(r->kafka, i);
        if (part->why)
            continue;
        part->settled = part->next;
        topics[count] = part->topic;
        numbers[count] = part->number;
        next[count] = part->next;
        high[count++] = part->high > part->next ? part->high : part->next;
    }
    return task_sql(r->task, &sql_akvo_progress, e, pg_texts(topics, count), pg_ints(numbers, count), pg_ints(next, count), pg_ints(high, count));
}

/* The data, then the offsets. */
static bool flush(struct reading *r, struct err *e)
{
    for (size_t i = 0; i < r->count; i++)
        if (is_first_of_topic(r, i) && !store_topic(r, i, e))
            return false;
    if (!write_offsets(r, e) || !task_commit(r->task, e) || !kafka_commit(r->kafka, e))
        return false;
    r->seen += (int64_t)r->taken;
    r->count = r->taken = 0;
    region_reset(r->region);
    return task_progress(r->task, r->seen, r->total > r->seen ? r->total : r->seen, "messages", e);
}

static int64_t lag(struct reading *r)
{
    int64_t left = 0;
    for (size_t i = 0; i < kafka_count(r->kafka); i++) {
        const struct kafka_part *part = kafka_part(r->kafka, i);
        left += part->high > part->settled ? part->high - part->settled : 0;
    }
    return left;
}

static bool read_until_end(struct reading *r, struct err *e)
{
    for (;;) {
        struct kafka_message message;
        enum kafka_got got = kafka_poll(r->kafka, &message, e);
        if (got == KAFKA_FAILED || (got == KAFKA_MESSAGE && !take(r, &message, e)))
            return false;
        bool over = got == KAFKA_ENDED || clock_boot() >= r->until;
        if ((over || got == KAFKA_NOTHING || r->taken == BATCH) && !(over || r->taken > 0 ? flush(r, e) : task_check(r->task, e)))
            return false;
        if (over)
            return true;
    }
}

/* Partitions that could not be read, or whose tenant could not be opened, make the run a failed one; the others are done. */
static bool check_parts(struct reading *r, struct err *e)
{
    for (size_t i = 0; i < kafka_count(r->kafka); i++) {
        const struct kafka_part *part = kafka_part(r->kafka, i);
        if (part->why)
            return err_set(e, ERR_TRANSIENT, "%s, partition %d: %s", part->topic, (int)part->number, part->why);
    }
    return true;
}

static bool read_all(void *data, struct err *e)
{
    struct reading *r = data;
    return read_until_end(r, e) && check_parts(r, e);
}

/* The whole ------------------------------------------------------------------------------------------- */

static void tell(const void *data, struct row *row)
{
    const struct reading *r = data;
    row_int(row, "messages", r->seen);
    row_int(row, "tenants", (int64_t)r->tenants_count);
}

static bool tell_result(struct reading *r, struct err *e)
{
    struct row row CLEANUP(row_free) = {0};
    tell(r, &row);
    row_int(&row, "lag", lag(r));
    row_int(&row, "failed", r->report.failed);
    return task_result(r->task, row_end(&row), e);
}

static bool consume(struct reading *r, struct err *e)
{
    r->report = (struct report){.task = r->task, .handler = "akvo.datapoints"};
    const char *lock = region_printf(task_region(r->task), "akvo.datapoints/%s/%s", r->args->upstream, r->args->group);
    const struct report_run around = {lock, read_all, tell, r};
    bool held;
    if (!task_try_lock(r->task, lock, &held, e))
        return false;
    if (!held) {
        task_log(r->task, LOG_INFO, "another run is at it, left out");
        return true;
    }
    if (!begin(r, e))
        return false;
    if (r->total == 0 && check_parts(r, e))
        return tell_result(r, e); /* nothing new: nothing to write, not even that */
    enum report_end end = report_around(&r->report, &around, e);
    return end == REPORT_LEFT_OUT || (end == REPORT_GOOD && tell_result(r, e));
}

static bool run(struct task *task, const void *data, struct err *e)
{
    const struct args *args = data;
    struct kafka *kafka CLEANUP(kafka_closep) = open_kafka(task, args, e);
    struct http *http CLEANUP(http_closep) = kafka && args->registry ? http_open(task, args->registry, NULL, e) : NULL;
    if (!kafka || (args->registry && !http))
        return false;
    struct reading *r = mem_zero(1, sizeof *r);
    r->task = task;
    r->args = args;
    r->kafka = kafka;
    r->schemas.http = http;
    r->region = region_new();
    r->until = clock_boot() + SECONDS(args->seconds);
    bool good = consume(r, e);
    report_free(&r->report);
    akvo_schemas_free(&r->schemas);
    region_free(r->region);
    free(r);
    return good;
}

const struct handler handler_akvo_datapoints = {
    .name = "akvo.datapoints",
    .summary = "Read the data points of all tenants from Kafka, the newest of each wins",
    .queue = "sync",
    .fields = fields,
    .args_size = sizeof(struct args),
    .run = run,
    .limit = {.soft = HOURS(1), .hard = HOURS(1) + MINUTES(5)},
    .retry = {.max = 3, .first = SECONDS(10), .cap = MINUTES(1)},
};
