/* test_sandbox_pmp: what the stand-in PMP serves, and how it pages, sorts, filters and lets in. */
#include "tests/fixture/main.h"
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The business areas of the first and the last country of the small scale. */
#define FIRST "0160"
#define LAST "0430"

enum { SMALL_DOCUMENTS = 40, IDS_MAX = 2000 };

static const char *const no_args[] = {NULL};

static void start(void)
{
    sandbox_start(no_args);
}

static void stop(void)
{
    ck_assert_int_eq(sandbox_stop(), 0);
}

static void restart(const char *const *args)
{
    sandbox_stop();
    sandbox_start(args);
}

/* All ids of a list, following the links; gives how many. */
static size_t walk(const char *path, int64_t *ids)
{
    char url[2048];
    size_t count = 0;
    snprintf(url, sizeof url, "%s", path);
    while (*url) {
        CLEANUP(reply_free) struct reply r = ask(&(struct ask){.path = url});
        for (size_t i = 0; i < js_count(results(&r)) && count < IDS_MAX; i++)
            ids[count++] = integer(js_get(js_at(results(&r), i), "id"));
        const char *next = js_text(js_get(r.json, "next"));
        snprintf(url, sizeof url, "%s", next ? next : "");
    }
    return count;
}

START_TEST(workspaces_are_a_bare_array_with_odd_ones_among_them)
{
    CLEANUP(reply_free) struct reply r = get("/v2/workspaces/");
    const struct js *first = js_at(r.json, 0);
    size_t coded = 0;
    ck_assert_int_eq(js_type(r.json), JS_ARRAY);
    ck_assert_str_eq(r.type, "application/json");
    ck_assert_str_eq(string(js_get(first, "business_area_code")), FIRST);
    ck_assert_str_eq(string(js_get(first, "country_short_code")), "QB");
    ck_assert_int_eq(js_type(js_get(first, "latitude")), JS_TEXT);
    for (size_t i = 0; i < js_count(r.json); i++) {
        const char *code = js_text(js_get(js_at(r.json, i), "country_short_code"));
        coded += code && *code;
    }
    ck_assert_uint_eq(js_count(r.json), 8);
    ck_assert_uint_eq(coded, 5);
}
END_TEST

START_TEST(a_list_leads_through_absolute_links_to_its_end_newest_first)
{
    int64_t ids[IDS_MAX];
    size_t count = walk("/prp/v1/interventions/?workspace=" FIRST "&limit=7", ids);
    ck_assert_uint_eq(count, SMALL_DOCUMENTS);
    for (size_t i = 1; i < count; i++)
        ck_assert_int_lt(ids[i], ids[i - 1]);
}
END_TEST

START_TEST(links_have_the_host_the_client_asked_and_sorted_arguments)
{
    char wanted[WORD_MAX];
    CLEANUP(reply_free) struct reply first = get("/prp/v1/interventions/?workspace=" FIRST "&limit=10");
    ck_assert_int_eq(js_type(js_get(first.json, "previous")), JS_NULL);
    const char *next = string(js_get(first.json, "next"));
    ck_assert_int_eq(strncmp(next, "http://127.0.0.1:", 17), 0);
    snprintf(wanted, sizeof wanted, "/prp/v1/interventions/?limit=10&offset=10&workspace=%s", FIRST);
    ck_assert_str_eq(strchr(next + 17, '/'), wanted);
    CLEANUP(reply_free) struct reply second = get("%s", next);
    snprintf(wanted, sizeof wanted, "/prp/v1/interventions/?limit=10&workspace=%s", FIRST);
    ck_assert_str_eq(strchr(string(js_get(second.json, "previous")) + 17, '/'), wanted);
    CLEANUP(reply_free) struct reply beyond = get("/prp/v1/interventions/?workspace=" FIRST "&offset=1000");
    ck_assert_uint_eq(js_count(results(&beyond)), 0);
    ck_assert_int_eq(js_type(js_get(beyond.json, "next")), JS_NULL);
}
END_TEST

START_TEST(without_a_limit_a_page_has_100_documents_and_300_partners)
{
    static const char *const args[] = {"--scale", "full", NULL};
    restart(args);
    CLEANUP(reply_free) struct reply documents = get("/prp/v1/interventions/?workspace=" FIRST);
    ck_assert_uint_eq(js_count(results(&documents)), 100);
    ck_assert_int_eq(integer(js_get(documents.json, "count")), 523);
    CLEANUP(reply_free) struct reply partners = get("/prp/v1/partners/?workspace=" FIRST);
    ck_assert_ptr_nonnull(strstr(text_str(&partners.body), "\"next\":null"));
    CLEANUP(reply_free) struct reply zero = get("/prp/v1/interventions/?workspace=" FIRST "&limit=0");
    ck_assert_uint_eq(js_count(results(&zero)), 100);
}
END_TEST

START_TEST(the_full_scale_has_3118_documents_in_45_countries)
{
    static const char *const args[] = {"--scale", "full", NULL};
    int64_t documents = 0;
    restart(args);
    CLEANUP(reply_free) struct reply workspaces = get("/v2/workspaces/");
    CLEANUP(reply_free) struct reply counts = get("/_sandbox/counts");
    ck_assert_uint_eq(js_count(counts.json), 45);
    for (size_t i = 0; i < 45; i++) {
        const char *code = string(js_get(js_at(workspaces.json, i), "business_area_code"));
        documents += integer(js_get(js_get(counts.json, code), "documents"));
    }
    ck_assert_int_eq(documents, 3118);
    ck_assert_int_eq(integer(js_get(js_get(counts.json, "0250"), "documents")), 322);
}
END_TEST

START_TEST(only_the_right_credentials_get_in)
{
    static const struct {
        const char *credentials, *detail;
    } rows[] = {{"drumbeat:wrong", "Invalid username/password."},
                {"nobody:drumbeat", "Invalid username/password."},
                {"", "Authentication credentials were not provided."}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(reply_free)
        struct reply r =
            ask(&(struct ask){.path = "/prp/v1/partners/?workspace=" FIRST, .credentials = rows[i].credentials});
        ck_assert_msg(r.status == 401, "'%s': HTTP %ld", rows[i].credentials, r.status);
        ck_assert_str_eq(string(js_get(r.json, "detail")), rows[i].detail);
        ck_assert_str_eq(r.challenge, "Basic realm=\"api\"");
    }
}
END_TEST

START_TEST(the_password_can_come_from_the_environment)
{
    setenv("DRUMBEAT_SANDBOX_PASSWORD", "a:secret", 1);
    static const char *const args[] = {"--user", "me", NULL};
    restart(args);
    CLEANUP(reply_free) struct reply good = ask(&(struct ask){.path = "/v2/workspaces/", .credentials = "me:a:secret"});
    CLEANUP(reply_free) struct reply bad = get("/v2/workspaces/");
    ck_assert_int_eq(good.status, 200);
    ck_assert_int_eq(bad.status, 401);
}
END_TEST

START_TEST(a_list_needs_a_workspace_that_exists)
{
    static const char *const paths[] = {"/prp/v1/partners/", "/prp/v1/interventions/", "/gdd/prp-gdds/",
                                        "/prp-locations/", "/prp/v1/get_pd_document/40/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        CLEANUP(reply_free) struct reply missing = get("%s", paths[i]);
        CLEANUP(reply_free) struct reply unknown = get("%s?workspace=9999", paths[i]);
        ck_assert_msg(missing.status == 400 && unknown.status == 400, "%s", paths[i]);
        ck_assert_str_eq(string(js_at(missing.json, 0)), "Workspace is required as a queryparam");
    }
}
END_TEST

START_TEST(an_unknown_path_and_another_method_are_refused)
{
    CLEANUP(reply_free) struct reply path = get("/prp/v1/nothing/");
    CLEANUP(reply_free) struct reply method = ask(&(struct ask){.path = "/v2/workspaces/", .body = "{}"});
    ck_assert_int_eq(path.status, 404);
    ck_assert_int_eq(method.status, 405);
}
END_TEST

START_TEST(filters_leave_what_was_asked_for)
{
    CLEANUP(reply_free) struct reply all = get("/prp/v1/interventions/?workspace=" FIRST);
    const struct js *doc = js_at(results(&all), 3);
    char *number = curl_easy_escape(NULL, string(js_get(doc, "number")), 0);
    struct {
        const char *name;
        char path[WORD_MAX];
    } rows[] = {{"id", ""}, {"number", ""}, {"status", ""}, {"section", ""}, {"partner", ""}};
    snprintf(rows[0].path, WORD_MAX, "id=%" PRId64, integer(js_get(doc, "id")));
    snprintf(rows[1].path, WORD_MAX, "number=%s", number);
    snprintf(rows[2].path, WORD_MAX, "status=%s", string(js_get(doc, "status")));
    snprintf(rows[3].path, WORD_MAX, "section=%" PRId64, integer(js_get(js_at(js_get(doc, "sections"), 0), "id")));
    snprintf(rows[4].path, WORD_MAX, "partner=%" PRId64, integer(js_get(js_get(doc, "partner_org"), "id")));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(reply_free) struct reply r = get("/prp/v1/interventions/?workspace=" FIRST "&%s", rows[i].path);
        bool found = false;
        for (size_t k = 0; k < js_count(results(&r)); k++)
            found |= integer(js_get(js_at(results(&r), k), "id")) == integer(js_get(doc, "id"));
        ck_assert_msg(found && js_count(results(&r)) < SMALL_DOCUMENTS, "%s", rows[i].name);
        if (i < 2)
            ck_assert_uint_eq(js_count(results(&r)), 1);
    }
    curl_free(number);
}
END_TEST

START_TEST(the_moments_of_a_filter_are_inclusive)
{
    CLEANUP(reply_free) struct reply all = get("/prp/v1/interventions/?workspace=" FIRST);
    const char *moment = string(js_get(js_at(results(&all), 0), "update_date"));
    ck_assert_uint_eq(strlen(moment), strlen("2025-06-01T08:10:43.708677Z"));
    CLEANUP(reply_free) struct reply after = get("/prp/v1/interventions/?workspace=" FIRST "&updated_after=%s", moment);
    CLEANUP(reply_free)
    struct reply before = get("/prp/v1/interventions/?workspace=" FIRST "&updated_before=%s", moment);
    ck_assert_uint_eq(js_count(results(&after)) + js_count(results(&before)), SMALL_DOCUMENTS + 1);
    CLEANUP(reply_free) struct reply late = get("/prp/v1/interventions/?workspace=" FIRST "&updated_after=2025-06-02");
    ck_assert_uint_eq(js_count(results(&late)), 0);
    CLEANUP(reply_free) struct reply wrong = get("/prp/v1/interventions/?workspace=" FIRST "&updated_after=soon");
    ck_assert_int_eq(wrong.status, 400);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_bytes)
{
    static const char *const same[] = {"--seed", "1", NULL}, *const other[] = {"--seed", "2", NULL};
    static const char path[] = "/prp/v1/interventions/?workspace=" FIRST "&limit=5&fixed=%d";
    CLEANUP(reply_free) struct reply first = get(path, 0);
    restart(same);
    CLEANUP(reply_free) struct reply second = get(path, 0);
    restart(other);
    CLEANUP(reply_free) struct reply third = get(path, 0);
    ck_assert_str_eq(strstr(text_str(&first.body), "\"results\""), strstr(text_str(&second.body), "\"results\""));
    ck_assert_str_ne(strstr(text_str(&first.body), "\"results\""), strstr(text_str(&third.body), "\"results\""));
}
END_TEST

START_TEST(a_document_has_every_member_of_the_real_one)
{
    static const char *const members[] = {"id",
                                          "title",
                                          "document_type",
                                          "business_area_code",
                                          "offices",
                                          "number",
                                          "status",
                                          "workspace",
                                          "partner_org",
                                          "special_reports",
                                          "sections",
                                          "agreement",
                                          "unicef_focal_points",
                                          "agreement_auth_officers",
                                          "focal_points",
                                          "start_date",
                                          "end_date",
                                          "cso_budget",
                                          "cso_budget_currency",
                                          "unicef_budget",
                                          "unicef_budget_currency",
                                          "reporting_requirements",
                                          "expected_results",
                                          "update_date",
                                          "amendments",
                                          "unicef_budget_cash",
                                          "unicef_budget_supplies",
                                          "disbursement",
                                          "disbursement_percent"};
    static const char *const partner_members[] = {"id",
                                                  "short_name",
                                                  "street_address",
                                                  "last_assessment_date",
                                                  "partner_type",
                                                  "cso_type",
                                                  "total_ct_cp",
                                                  "total_ct_cy",
                                                  "address",
                                                  "city",
                                                  "postal_code",
                                                  "country",
                                                  "unicef_vendor_number",
                                                  "name",
                                                  "alternate_name",
                                                  "rating",
                                                  "email",
                                                  "phone_number",
                                                  "basis_for_risk_rating",
                                                  "core_values_assessment_date",
                                                  "type_of_assessment",
                                                  "sea_risk_rating_name",
                                                  "psea_assessment_date",
                                                  "highest_risk_rating_name",
                                                  "highest_risk_rating_type"};
    CLEANUP(reply_free) struct reply documents = get("/prp/v1/interventions/?workspace=" LAST);
    CLEANUP(reply_free) struct reply government = get("/gdd/prp-gdds/?workspace=" LAST);
    const struct js *doc = js_at(results(&documents), 0), *gdd = js_at(results(&government), 0);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        ck_assert_msg(js_get(doc, members[i]) && js_get(gdd, members[i]), "%s", members[i]);
    for (size_t i = 0; i < sizeof partner_members / sizeof *partner_members; i++)
        ck_assert_msg(js_get(js_get(doc, "partner_org"), partner_members[i]), "%s", partner_members[i]);
    ck_assert_uint_eq(js_count(doc), sizeof members / sizeof *members);
    ck_assert_str_eq(string(js_get(gdd, "document_type")), "GDD");
    ck_assert_ptr_nonnull(js_get(gdd, "locations"));
    ck_assert_ptr_nonnull(js_get(gdd, "has_signed_document"));
}
END_TEST

static const struct js *find_id(const struct js *list, int64_t id)
{
    for (size_t i = 0; i < js_count(list); i++)
        if (integer(js_get(js_at(list, i), "id")) == id)
            return js_at(list, i);
    return NULL;
}

static void check_locations(const struct js *indicator, const struct js *places)
{
    const struct js *locations = js_get(indicator, "locations");
    ck_assert_uint_gt(js_count(locations), 0);
    for (size_t i = 0; i < js_count(locations); i++) {
        const struct js *mentioned = js_at(locations, i), *listed = find_id(places, integer(js_get(mentioned, "id")));
        ck_assert_ptr_nonnull(listed);
        ck_assert_str_eq(string(js_get(mentioned, "name")), string(js_get(listed, "name")));
    }
}

START_TEST(documents_agree_with_the_lists_of_partners_and_locations)
{
    CLEANUP(reply_free) struct reply documents = get("/prp/v1/interventions/?workspace=" FIRST);
    CLEANUP(reply_free) struct reply partners = get("/prp/v1/partners/?workspace=" FIRST);
    CLEANUP(reply_free) struct reply places = get("/prp-locations/?workspace=" FIRST "&limit=1000");
    for (size_t i = 0; i < SMALL_DOCUMENTS; i++) {
        const struct js *doc = js_at(results(&documents), i), *partner = js_get(doc, "partner_org");
        CLEANUP(text_free) struct text mentioned = {0}, listed = {0};
        js_write(&mentioned, partner);
        js_write(&listed, find_id(results(&partners), integer(js_get(partner, "id"))));
        ck_assert_str_eq(text_str(&mentioned), text_str(&listed));
        for (size_t k = 0; k < js_count(js_get(doc, "expected_results")); k++) {
            const struct js *indicators = js_get(js_at(js_get(doc, "expected_results"), k), "indicators");
            for (size_t n = 0; n < js_count(indicators); n++)
                check_locations(js_at(indicators, n), results(&places));
        }
    }
}
END_TEST

START_TEST(the_parent_of_a_location_is_listed_one_level_up)
{
    CLEANUP(reply_free) struct reply above = get("/prp-locations/?workspace=" FIRST "&admin_level=1&limit=1000");
    CLEANUP(reply_free) struct reply below = get("/prp-locations/?workspace=" FIRST "&admin_level=2&limit=1000");
    ck_assert_uint_gt(js_count(results(&below)), js_count(results(&above)));
    for (size_t i = 0; i < js_count(results(&below)); i++) {
        const char *parent = string(js_get(js_at(results(&below), i), "parent_p_code"));
        bool found = false;
        for (size_t k = 0; k < js_count(results(&above)); k++)
            found |= strcmp(string(js_get(js_at(results(&above), k), "p_code")), parent) == 0;
        ck_assert_msg(found, "%s", parent);
    }
}
END_TEST

START_TEST(odd_values_are_there_unless_switched_off)
{
    static const struct {
        const char *quirk, *path, *pattern;
    } rows[] = {
        {"odd-targets", "/prp/v1/interventions/", "\"v\":\"None\""},
        {"empty-units", "/prp/v1/interventions/", "\"unit\":\"\""},
        {"no-vendor", "/prp/v1/partners/", "\"unicef_vendor_number\":\"\""},
        {"no-dates", "/prp/v1/interventions/", "\"start_date\":null"},
        {"odd-locations", "/prp-locations/", "\"p_code\":null"},
        {"unsigned-amendments", "/prp/v1/interventions/", "\"signed_date\":null"},
        {"no-disbursement", "/prp/v1/interventions/", "\"disbursement\":null"},
        {"empty-disaggregations", "/prp/v1/interventions/", "\"disaggregation_values\":[]"},
        {"large-amounts", "/prp/v1/interventions/", "\"unicef_budget_cash\":\"123"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        post("/_sandbox/quirks?%s=100", rows[i].quirk);
        CLEANUP(reply_free) struct reply with = get("%s?workspace=" FIRST "&limit=1000", rows[i].path);
        post("/_sandbox/quirks?%s=off", rows[i].quirk);
        CLEANUP(reply_free) struct reply without = get("%s?workspace=" FIRST "&limit=1000", rows[i].path);
        ck_assert_msg(strstr(text_str(&with.body), rows[i].pattern), "%s: it is missing", rows[i].quirk);
        ck_assert_msg(!strstr(text_str(&without.body), rows[i].pattern), "%s: it is there", rows[i].quirk);
    }
}
END_TEST

START_TEST(a_signed_document_has_a_link)
{
    CLEANUP(reply_free) struct reply all = get("/prp/v1/interventions/?workspace=" FIRST "&limit=1");
    int64_t id = integer(js_get(js_at(results(&all), 0), "id"));
    CLEANUP(reply_free) struct reply link = get("/prp/v1/get_pd_document/%" PRId64 "/?workspace=" FIRST, id);
    CLEANUP(reply_free) struct reply none = get("/gdd/prp-get-gpd-document/1/?workspace=" FIRST);
    ck_assert_ptr_nonnull(strstr(string(js_get(link.json, "signed_pd_document_file")), "http://127.0.0.1:"));
    ck_assert_int_eq(none.status, 404);
}
END_TEST

START_TEST(paths_work_below_the_name_of_the_upstream_too)
{
    int64_t ids[IDS_MAX];
    ck_assert_uint_eq(walk("/pmp/prp/v1/interventions/?workspace=" FIRST "&limit=30", ids), SMALL_DOCUMENTS);
}
END_TEST

START_TEST(rows_can_be_touched_removed_restored_and_added)
{
    int64_t before[IDS_MAX], after[IDS_MAX];
    static const char list[] = "/prp/v1/interventions/?workspace=" FIRST;
    ck_assert_uint_eq(walk(list, before), SMALL_DOCUMENTS);
    post("/_sandbox/touch?workspace=" FIRST "&id=%" PRId64, before[5]);
    CLEANUP(reply_free) struct reply touched = get("%s&updated_after=2025-06-01", list);
    ck_assert_int_eq(integer(js_get(js_at(results(&touched), 0), "id")), before[5]);
    ck_assert_ptr_nonnull(strstr(string(js_get(js_at(results(&touched), 0), "title")), "(change 1)"));
    post("/_sandbox/remove?workspace=" FIRST "&id=%" PRId64, before[5]);
    ck_assert_uint_eq(walk(list, after), SMALL_DOCUMENTS - 1);
    ck_assert_int_eq(after[5], before[6]);
    post("/_sandbox/restore?workspace=" FIRST "&id=%" PRId64, before[5]);
    post("/_sandbox/add?workspace=" FIRST);
    ck_assert_uint_eq(walk(list, after), SMALL_DOCUMENTS + 1);
    ck_assert_int_eq(after[0], before[0] + 1);
    post("/_sandbox/reset");
    CLEANUP(reply_free) struct reply none = get("%s&updated_after=2025-06-01", list);
    ck_assert_uint_eq(js_count(results(&none)), 0);
    ck_assert_uint_eq(walk(list, after), SMALL_DOCUMENTS);
}
END_TEST

START_TEST(a_removed_partner_is_not_listed_but_documents_still_name_it)
{
    CLEANUP(reply_free) struct reply before = get("/prp/v1/interventions/?workspace=" FIRST "&limit=1");
    int64_t id = integer(js_get(js_get(js_at(results(&before), 0), "partner_org"), "id"));
    post("/_sandbox/remove?workspace=" FIRST "&kind=partners&id=%" PRId64, id);
    CLEANUP(reply_free) struct reply after = get("/prp/v1/interventions/?workspace=" FIRST "&limit=1");
    CLEANUP(reply_free) struct reply partners = get("/prp/v1/partners/?workspace=" FIRST);
    ck_assert_ptr_null(find_id(results(&partners), id));
    ck_assert_str_eq(text_str(&before.body), text_str(&after.body));
}
END_TEST

static void save(const char *folder, const char *name, const char *text)
{
    char path[WORD_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

static void forget(const char *folder, const char *const *names)
{
    char path[WORD_MAX];
    for (; *names; names++) {
        snprintf(path, sizeof path, "%s/%s", folder, *names);
        unlink(path);
    }
    rmdir(folder);
}

#define SAVED_DOCUMENT(id, area, partner)                                                                              \
    "{\"id\":" id ",\"business_area_code\":\"" area "\",\"number\":\"N/" id "\",\"partner_org\":{\"id\":" partner      \
    ",\"name\":\"P" partner "\"},\"ratio\":0.125,\"unknown\":[1,null],\"expected_results\":[{\"indicators\":["         \
    "{\"locations\":[{\"id\":9,\"p_code\":\"L9\",\"admin_level\":1,\"parent_pcode\":\"L\"}]}]}],"                      \
    "\"update_date\":\"2024-01-0" id "T00:00:00.000001Z\"}"

START_TEST(saved_payloads_come_back_as_they_are)
{
    char folder[] = P_tmpdir "/sandbox-XXXXXX";
    const char *const args[] = {"--data", folder, NULL};
    static const char *const names[] = {"interventions.json", "pmp_item_pd_one.json", "gdds.json",
                                        "partners-A1.json",   "periodic_tasks.json",  NULL};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    save(folder, names[0],
         "{\"count\":2,\"next\":null,\"previous\":null,\"results\":[" SAVED_DOCUMENT("1", "A1", "5") "," SAVED_DOCUMENT(
             "3", "B2", "6") "]}");
    save(folder, names[1], SAVED_DOCUMENT("2", "A1", "5"));
    save(folder, names[2], "[" SAVED_DOCUMENT("4", "B2", "7") "]");
    save(folder, names[3], "[{\"id\":5,\"name\":\"Five\"},{\"id\":8,\"name\":\"Eight\"}]");
    save(folder, names[4], "not read, so not JSON");
    restart(args);
    forget(folder, names);
    CLEANUP(reply_free) struct reply workspaces = get("/v2/workspaces/");
    ck_assert_uint_eq(js_count(workspaces.json), 2);
    ck_assert_str_eq(string(js_get(js_at(workspaces.json, 0), "country_short_code")), "A1");
    CLEANUP(reply_free) struct reply documents = get("/prp/v1/interventions/?workspace=A1");
    ck_assert_str_eq(strstr(text_str(&documents.body), "\"results\":"),
                     "\"results\":[" SAVED_DOCUMENT("2", "A1", "5") "," SAVED_DOCUMENT("1", "A1", "5") "]}");
    CLEANUP(reply_free) struct reply recent = get("/prp/v1/interventions/?workspace=A1&updated_after=2024-01-02");
    ck_assert_uint_eq(js_count(results(&recent)), 1);
    CLEANUP(reply_free) struct reply given = get("/prp/v1/partners/?workspace=A1");
    ck_assert_uint_eq(js_count(results(&given)), 2);
    CLEANUP(reply_free) struct reply derived = get("/prp/v1/partners/?workspace=B2");
    ck_assert_str_eq(strstr(text_str(&derived.body), "\"results\":"),
                     "\"results\":[{\"id\":6,\"name\":\"P6\"},{\"id\":7,\"name\":\"P7\"}]}");
    CLEANUP(reply_free) struct reply places = get("/prp-locations/?workspace=B2");
    ck_assert_str_eq(string(js_get(js_at(results(&places), 0), "parent_p_code")), "L");
}
END_TEST

START_TEST(a_saved_payload_that_is_wrong_is_refused_with_its_place)
{
    static const struct {
        const char *text, *said;
    } rows[] = {{"{\"id\":", "interventions.json: not valid JSON, line 1"},
                {"[{\"id\":1,\"business_area_code\":\"A\"},{\"id\":2}]", "interventions.json, item 1: no usable"},
                {"{\"id\":\"x\",\"business_area_code\":\"A\"}", "interventions.json: no whole number as id"}};
    static const char *const names[] = {"interventions.json", NULL};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char folder[] = P_tmpdir "/sandbox-XXXXXX", said[4096];
        const char *const args[] = {"--data", folder, NULL};
        ck_assert_ptr_nonnull(mkdtemp(folder));
        save(folder, names[0], rows[i].text);
        int status = sandbox_run(args, said, sizeof said);
        forget(folder, names);
        ck_assert_int_eq(status, 1);
        ck_assert_msg(strstr(said, rows[i].said), "%s", said);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("sandbox pmp");
    TCase *c = tcase_create("pmp");
    tcase_add_checked_fixture(c, start, stop);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, workspaces_are_a_bare_array_with_odd_ones_among_them);
    tcase_add_test(c, a_list_leads_through_absolute_links_to_its_end_newest_first);
    tcase_add_test(c, links_have_the_host_the_client_asked_and_sorted_arguments);
    tcase_add_test(c, without_a_limit_a_page_has_100_documents_and_300_partners);
    tcase_add_test(c, the_full_scale_has_3118_documents_in_45_countries);
    tcase_add_test(c, only_the_right_credentials_get_in);
    tcase_add_test(c, the_password_can_come_from_the_environment);
    tcase_add_test(c, a_list_needs_a_workspace_that_exists);
    tcase_add_test(c, an_unknown_path_and_another_method_are_refused);
    tcase_add_test(c, filters_leave_what_was_asked_for);
    tcase_add_test(c, the_moments_of_a_filter_are_inclusive);
    tcase_add_test(c, the_same_seed_gives_the_same_bytes);
    tcase_add_test(c, a_document_has_every_member_of_the_real_one);
    tcase_add_test(c, documents_agree_with_the_lists_of_partners_and_locations);
    tcase_add_test(c, the_parent_of_a_location_is_listed_one_level_up);
    tcase_add_test(c, odd_values_are_there_unless_switched_off);
    tcase_add_test(c, a_signed_document_has_a_link);
    tcase_add_test(c, paths_work_below_the_name_of_the_upstream_too);
    tcase_add_test(c, rows_can_be_touched_removed_restored_and_added);
    tcase_add_test(c, a_removed_partner_is_not_listed_but_documents_still_name_it);
    tcase_add_test(c, saved_payloads_come_back_as_they_are);
    tcase_add_test(c, a_saved_payload_that_is_wrong_is_refused_with_its_place);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return test_main(suite());
}
