/* What follows a Celery task that has ended. The signatures are those that Celery 5.2 sent in recorded conversations, with the ids made
 * short; a plan is compared as text, a line a message. */
#include "common/base/json.h"
#include "common/celery/signature.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <inttypes.h>
#include <string.h>

#define SIG(name, args, options) "{\"task\":\"" name "\",\"args\":" args ",\"kwargs\":{},\"options\":" options ",\"subtask_type\":null,\"immutable\":false}"
#define ADD3 SIG("add", "[3]", "{\"task_id\":\"t3\",\"reply_to\":\"r\"}")
#define ADD4 SIG("add", "[4]", "{\"task_id\":\"t4\",\"reply_to\":\"r\"}")
#define SUM SIG("tsum", "[]", "{\"task_id\":\"sum\"}")
#define MANY(kind, tasks) "{\"task\":\"celery." kind "\",\"args\":[],\"kwargs\":{\"tasks\":[" tasks "]},\"options\":{\"task_id\":\"whole\"},\"subtask_type\":\"" kind "\",\"immutable\":false}"
#define CHORD(header, body) "{\"task\":\"celery.chord\",\"args\":[],\"kwargs\":{\"kwargs\":{},\"header\":" header ",\"body\":" body "},\"options\":{},\"subtask_type\":\"chord\",\"immutable\":false}"
#define M1 SIG("add", "[1]", "{\"task_id\":\"m1\"}")
#define M2 SIG("add", "[2]", "{\"task_id\":\"m2\"}")

static void show_id(struct text *out, const char *word, const char *id)
{
    if (id)
        text_printf(out, " %s=%s", word, strlen(id) == 36 ? "new" : id);
}

static void show_chain(struct text *out, const char *json)
{
    struct err e;
    struct js *chain CLEANUP(js_freep) = json ? js_parse(json, strlen(json), &e) : NULL;
    for (size_t i = js_count(chain); i > 0; i--)
        text_printf(out, " then=%s", js_text(js_get(js_at(chain, i - 1), "task")));
}

static void show_send(struct text *out, const struct celery_message *m)
{
    text_printf(out, "%s%s", m->task, m->args);
    show_id(out, "id", m->id);
    show_id(out, "parent", m->parent_id);
    show_id(out, "root", m->root_id);
    show_id(out, "group", m->group_id);
    if (m->group_index >= 0)
        text_printf(out, "/%" PRId64, m->group_index);
    show_id(out, "queue", m->routing_key);
    text_puts(out, m->callbacks ? " link" : "");
    text_puts(out, m->errbacks ? " link_error" : "");
    text_puts(out, m->chord ? " chord" : "");
    show_chain(out, m->chain);
    text_puts(out, "\n");
}

static void show_plan(const struct canvas_plan *plan, struct text *out)
{
    for (size_t i = 0; i < plan->size_count; i++)
        text_printf(out, "size%s %" PRId64 "\n", strlen(plan->sizes[i].group) == 36 ? "" : plan->sizes[i].group, plan->sizes[i].members);
    for (size_t i = 0; i < plan->heir_count; i++)
        text_printf(out, "heir %s%s%s\n", plan->heirs[i].id, plan->heirs[i].chord ? " of " : "", plan->heirs[i].chord ? plan->heirs[i].group : "");
    for (size_t i = 0; i < plan->send_count; i++)
        show_send(out, &plan->sends[i]);
}

enum way { SUCCEEDED, FAILED, JOINED };

static const struct {
    const char *name;
    enum way way;
    struct celery_message ended;
    const char *given; /* result, results */
    const char *plan;
} rows[] = {
    {"nothing follows", SUCCEEDED, {.id = "a"}, "3", ""},
    {"an empty chain is none", SUCCEEDED, {.id = "a", .chain = "[]", .callbacks = "null"}, "3", ""},
    {"the last element of the chain runs next and gets the result first",
     SUCCEEDED, {.id = "a", .chain = "[" ADD4 "," ADD3 "]"}, "3", "add[3,3] id=t3 parent=a root=a then=add\n"},
    {"the root is kept", SUCCEEDED, {.id = "b", .root_id = "a", .chain = "[" ADD4 "]"}, "6", "add[6,4] id=t4 parent=b root=a\n"},
    {"an immutable step gets no result", SUCCEEDED,
     {.id = "a", .chain = "[{\"task\":\"add\",\"args\":[1,2],\"kwargs\":{},\"options\":{\"task_id\":\"t\"},\"subtask_type\":null,\"immutable\":true}]"}, "3",
     "add[1,2] id=t parent=a root=a\n"},
    {"a callback without an id gets one", SUCCEEDED, {.id = "a", .callbacks = "[" SIG("add", "[10]", "{}") "]"}, "2", "add[2,10] id=new parent=a root=a\n"},
    {"a single callback may stand for an array", SUCCEEDED, {.id = "a", .callbacks = ADD3}, "2", "add[2,3] id=t3 parent=a root=a\n"},
    {"a step goes to the queue that it names", SUCCEEDED, {.id = "a", .chain = "[" SIG("add", "[]", "{\"task_id\":\"t\",\"queue\":\"slow\"}") "]"}, "2",
     "add[2] id=t parent=a root=a queue=slow\n"},
    {"a chain as a callback runs its first step", SUCCEEDED, {.id = "a", .callbacks = "[" MANY("chain", ADD3 "," ADD4) "]"}, "1",
     "add[1,3] id=t3 parent=a root=a then=add\n"},
    {"a chain in a chain goes on with the outer one when it is over", SUCCEEDED,
     {.id = "a", .chain = "[" SUM "," MANY("chain", ADD3 "," ADD4) "]"}, "1", "add[1,3] id=t3 parent=a root=a then=add then=tsum\n"},
    {"every member of a group gets the result", SUCCEEDED, {.id = "a", .chain = "[" MANY("group", M1 "," M2) "]"}, "5",
     "add[5,1] id=m1 parent=a root=a group=whole/0\nadd[5,2] id=m2 parent=a root=a group=whole/1\n"},
    {"a group with a step behind it is a chord", SUCCEEDED, {.id = "a", .chain = "[" SUM "," MANY("group", M1 "," M2) "]"}, "5",
     "sizewhole 2\nadd[5,1] id=m1 parent=a root=a group=whole/0 chord\nadd[5,2] id=m2 parent=a root=a group=whole/1 chord\n"},
    {"a chord tells its size before its members are sent", SUCCEEDED, {.id = "a", .chain = "[" CHORD(MANY("group", M1 "," M2), SUM) "]"}, "2",
     "sizewhole 2\nadd[2,1] id=m1 parent=a root=a group=whole/0 chord\nadd[2,2] id=m2 parent=a root=a group=whole/1 chord\n"},
    {"the last step of a chain in a chord counts", SUCCEEDED, {.id = "a", .callbacks = "[" CHORD("[" MANY("chain", ADD3 "," ADD4) "," M2 "]", SUM) "]"}, "2",
     "size 2\nadd[2,3] id=t3 parent=a root=a then=add\nadd[2,2] id=m2 parent=a root=a group=new/1 chord\n"},
    {"groups in a chord's header count with all their members", SUCCEEDED,
     {.id = "a", .callbacks = "[" CHORD("[" MANY("group", M1 "," M2) "," ADD3 "]", SUM) "]"}, "2",
     "size 3\nadd[2,1] id=m1 parent=a root=a group=new/0 chord\nadd[2,2] id=m2 parent=a root=a group=new/1 chord\nadd[2,3] id=t3 parent=a root=a "
     "group=new/2 chord\n"},
    {"a chord without members runs its body", SUCCEEDED, {.id = "a", .callbacks = "[" CHORD("[]", SUM) "]"}, "2", "tsum[[]] id=sum parent=a root=a\n"},
    {"a chord in a chord counts with its body", SUCCEEDED, {.id = "a", .callbacks = "[" CHORD("[" CHORD("[" M1 "]", ADD3) "]", SUM) "]"}, "2",
     "size 1\nsize 1\nadd[2,1] id=m1 parent=a root=a group=new/0 chord\n"},
    {"a body that is a chain keeps the id of its last step", SUCCEEDED,
     {.id = "a", .chain = "[{\"task\":\"celery.chord\",\"kwargs\":{\"header\":[],\"body\":{\"task\":\"celery.chain\",\"subtask_type\":\"chain\",\"options\":{},"
                          "\"kwargs\":{\"tasks\":[" SUM "," ADD4 "]}}},\"options\":{\"task_id\":\"header\"},\"subtask_type\":\"chord\"}]"}, "1",
     "tsum[[]] id=sum parent=a root=a then=add\n"},
    {"a body gets the results of all members", JOINED, {.id = "z", .group_id = "g", .chord = SUM}, "[0,2,4]", "tsum[[0,2,4]] id=sum parent=z root=z\n"},
    {"a body goes on with its chain", JOINED, {.id = "z", .group_id = "g", .chord = SIG("tsum", "[]", "{\"task_id\":\"sum\",\"chain\":[" ADD4 "]}")}, "[1]",
     "tsum[[1]] id=sum parent=z root=z then=add\n"},
    {"an errback gets the id", FAILED, {.id = "a", .errbacks = "[" SIG("onerr", "[]", "{}") "]"}, NULL, "onerr[\"a\"] id=new parent=a root=a\n"},
    {"the rest of the chain inherits the failure", FAILED, {.id = "a", .chain = "[" ADD4 "," ADD3 "]"}, NULL, "heir t3\nheir t4\n"},
    {"a member of a chord that never runs counts as failed", FAILED,
     {.id = "a", .chain = "[" SIG("add", "[4]", "{\"task_id\":\"t4\",\"group_id\":\"g\",\"group_index\":1,\"chord\":" SUM "}") "]"}, NULL, "heir t4 of g\n"},
};

static void check_text(const char *name, const char *got, const char *wanted)
{
    ck_assert_msg(strcmp(got, wanted) == 0, "%s:\ngot    %s\nwanted %s", name, got, wanted);
}

static bool plan_row(size_t i, struct region *r, struct canvas_plan *plan, struct err *e)
{
    switch (rows[i].way) {
    case SUCCEEDED:
        return canvas_succeeded(&rows[i].ended, rows[i].given, r, plan, e);
    case FAILED:
        return canvas_failed(&rows[i].ended, r, plan, e);
    case JOINED:
        return canvas_joined(&rows[i].ended, rows[i].given, r, plan, e);
    }
    return false;
}

START_TEST(what_follows_is_planned)
{
    struct region *r = region_new();
    struct canvas_plan plan;
    struct text got CLEANUP(text_free) = {0};
    struct err e = {0};
    ck_assert_msg(plan_row((size_t)_i, r, &plan, &e), "%s: %s", rows[_i].name, e.text);
    show_plan(&plan, &got);
    check_text(rows[_i].name, text_str(&got), rows[_i].plan);
    region_free(r);
}
END_TEST

START_TEST(every_message_of_a_plan_may_leave)
{
    struct region *r = region_new();
    struct canvas_plan plan;
    struct err e = {0};
    ck_assert(plan_row((size_t)_i, r, &plan, &e));
    for (size_t i = 0; i < plan.send_count; i++) {
        struct text envelope CLEANUP(text_free) = {0};
        struct celery_message again;
        if (!plan.sends[i].routing_key)
            plan.sends[i].routing_key = "celery";
        ck_assert_msg(celery_message_write(&plan.sends[i], &envelope, &e), "%s: %s", rows[_i].name, e.text);
        ck_assert_msg(celery_message_read(text_str(&envelope), envelope.len, r, &again, &e), "%s: %s", rows[_i].name, e.text);
        ck_assert_str_eq(again.id, plan.sends[i].id);
        ck_assert_str_eq(again.args, plan.sends[i].args);
    }
    region_free(r);
}
END_TEST

START_TEST(a_plan_made_twice_is_the_same_plan)
{
    struct region *r = region_new();
    struct canvas_plan once, twice;
    struct err e = {0};
    ck_assert(plan_row((size_t)_i, r, &once, &e) && plan_row((size_t)_i, r, &twice, &e));
    ck_assert_uint_eq(once.send_count, twice.send_count);
    for (size_t i = 0; i < once.send_count; i++) {
        ck_assert_str_eq(once.sends[i].id, twice.sends[i].id);
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(once.sends[i].id, once.sends[k].id);
    }
    region_free(r);
}
END_TEST

START_TEST(a_torn_chord_fails_its_body_and_calls_its_errbacks)
{
    struct region *r = region_new();
    struct canvas_plan plan;
    struct text got CLEANUP(text_free) = {0};
    struct err e = {0};
    ck_assert_msg(canvas_torn(SIG("tsum", "[]", "{\"task_id\":\"sum\",\"link_error\":[" SIG("onerr", "[]", "{}") "]}"), "root", r, &plan, &e), "%s", e.text);
    show_plan(&plan, &got);
    check_text("torn", text_str(&got), "heir sum\nonerr[\"sum\"] id=new parent=sum root=root\n");
    text_reset(&got);
    ck_assert(canvas_torn(MANY("chain", SUM "," ADD4), NULL, r, &plan, &e));
    show_plan(&plan, &got);
    check_text("torn before a chain", text_str(&got), "heir whole\n");
    region_free(r);
}
END_TEST

static const struct {
    const char *chain;
    const char *message;
} refused[] = {
    {"[7]", "chain: a signature is a whole number without a task"},
    {"[{\"args\":[]}]", "chain: a signature is an object without a task"},
    {"[", "chain: not valid JSON, line 1 column 1: ']' expected near end of file"},
    {"[" CHORD("{}", "7") "]", "chain: a chord without header or body"},
};

START_TEST(what_is_no_signature_is_refused_with_its_place)
{
    struct region *r = region_new();
    struct canvas_plan plan;
    struct err e = {0};
    struct celery_message ended = {.id = "a", .chain = refused[_i].chain};
    ck_assert(!canvas_succeeded(&ended, "1", r, &plan, &e));
    ck_assert_int_eq(e.kind, ERR_DATA);
    check_text(refused[_i].chain, e.text, refused[_i].message);
    region_free(r);
}
END_TEST

START_TEST(signatures_are_not_followed_without_end)
{
    struct region *r = region_new();
    struct canvas_plan plan;
    struct text chain CLEANUP(text_free) = {0};
    struct err e = {0};
    text_puts(&chain, "[");
    for (int i = 0; i < CANVAS_DEPTH_MAX + 1; i++)
        text_puts(&chain, "{\"task\":\"celery.chain\",\"subtask_type\":\"chain\",\"kwargs\":{\"tasks\":[");
    text_puts(&chain, ADD3);
    for (int i = 0; i < CANVAS_DEPTH_MAX + 1; i++)
        text_puts(&chain, "]}}");
    text_puts(&chain, "]");
    struct celery_message ended = {.id = "a", .chain = text_str(&chain)};
    ck_assert(!canvas_succeeded(&ended, "1", r, &plan, &e));
    ck_assert_int_eq(e.kind, ERR_LIMIT);
    region_free(r);
}
END_TEST

START_TEST(a_member_is_written_and_read)
{
    static const char recorded[] = "[1, \"632ad447-5c66-4cca-8363-e47e486eee6b\", \"SUCCESS\", 0]";
    struct region *r = region_new();
    struct canvas_member member;
    struct text out CLEANUP(text_free) = {0};
    struct err e = {0};
    ck_assert_msg(canvas_member_read(recorded, strlen(recorded), r, &member, &e), "%s", e.text);
    canvas_member_write(member.id, member.state, member.result, &out);
    ck_assert_str_eq(text_str(&out), recorded);
    ck_assert(!canvas_member_read("[1, 2]", 6, r, &member, &e));
    region_free(r);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
    TCase *tests = tcase_create("plans");
    tcase_set_timeout(tests, 30);
    tcase_add_loop_test(tests, what_follows_is_planned, 0, ROWS(rows));
    tcase_add_loop_test(tests, every_message_of_a_plan_may_leave, 0, ROWS(rows));
    tcase_add_loop_test(tests, a_plan_made_twice_is_the_same_plan, 0, ROWS(rows));
    tcase_add_test(tests, a_torn_chord_fails_its_body_and_calls_its_errbacks);
    tcase_add_loop_test(tests, what_is_no_signature_is_refused_with_its_place, 0, ROWS(refused));
    tcase_add_test(tests, signatures_are_not_followed_without_end);
    tcase_add_test(tests, a_member_is_written_and_read);
    return test_main_case("canvas", tests);
}
