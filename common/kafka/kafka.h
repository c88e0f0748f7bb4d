#pragma once
/* Reading topics of a Kafka, for a run that has an end: all partitions of the topics that match are read from where the group was to what
 * they held when the run began. librdkafka is seen nowhere else; a build without it has not got this folder.
 *
 *     struct kafka *kafka CLEANUP(kafka_closep) = kafka_open(&options, e);
 *     kafka_find(kafka, ".*datapoint.*", e) && (for each part: set `next`) && kafka_begin(kafka, e)
 *     while (kafka_poll(kafka, &message, e) …) …        then commit the data, then
 *     kafka_commit(kafka, e)
 *
 * Partitions are assigned here, not by the group: a run takes seconds, and a group that forms anew each time would take longer than it. The
 * offsets are the group's all the same, for tools that show lag; while its members run elsewhere, committing them fails. */
#include "common/base/clock.h"
#include "common/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kafka;

enum { KAFKA_PARTS_MAX = 20000, KAFKA_TOPIC_MAX = 249, KAFKA_MESSAGE_MAX = 16 << 20 };

struct kafka_options {
    const char *url;             /* "kafka://one:9092,two:9092", with TLS "kafkas://…" */
    const char *group;
    const char *user, *password; /* SASL; NULL: none */
    const char *mechanism;       /* of SASL: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 */
    const char *ca, *cert, *cert_key; /* PEM files, or their text; NULL: the system's, none */
    void (*log)(void *data, const char *line); /* what librdkafka has to say; called within the calls below only */
    void *data;
};

struct kafka_part {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t number;
    int64_t committed; /* by the group; -1: never */
    int64_t low, high; /* what the partition holds: the first, and the one after the last */
    int64_t next;      /* to be read */
    int64_t settled;   /* what kafka_commit() says is done; set by the caller */
    bool ended;        /* read to the end, or given up */
    const char *why;   /* given up; NULL: not */
};

struct kafka_message {
    struct kafka_part *part;
    int64_t offset;
    const void *value; /* NULL: none */
    size_t len;
};

/* What came; the others are about the run as a whole. */
enum kafka_got { KAFKA_MESSAGE, KAFKA_NOTHING, KAFKA_ENDED, KAFKA_FAILED };

struct kafka *kafka_open(const struct kafka_options *options, struct err *e);
void kafka_close(struct kafka *kafka); /* NULL is fine */
void kafka_closep(struct kafka **kafka);

/* Look for the topics whose whole name matches `pattern`, a POSIX extended regular expression, and at the state of their partitions. */
bool kafka_find(struct kafka *kafka, const char *pattern, struct err *e);
size_t kafka_count(const struct kafka *kafka);
struct kafka_part *kafka_part(struct kafka *kafka, size_t n);

/* Begin to read the partitions at their `next`; one that lies outside of what there is begins with the first there is. */
bool kafka_begin(struct kafka *kafka, struct err *e);

/* The next message, valid until the next call; ENDED: all partitions are at their ends. NOTHING came within half a second. */
enum kafka_got kafka_poll(struct kafka *kafka, struct kafka_message *out, struct err *e);

/* Tell the group that all before `settled` is done, where that changed. */
bool kafka_commit(struct kafka *kafka, struct err *e);
