/*
 * push_batch.c - the pushgateway sink against a real Pushgateway: push_batch http://host:port
 *
 * Started by test_pushgateway.sh with a fresh gateway. Each check prints "ok - text" or "not ok - text"; exit 1 if one
 * failed. Everything is read back through the gateway's own API, so what counts is what the gateway stored.
 */
#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/net/http.h"
#include "tests/fake/sink_rig.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE (clock_now_ns() + 20 * NS_PER_S)

static const char *gateway_url;
static struct http *gateway;
static int failures;

static void check(bool ok, const char *claim, const char *found)
{
    printf("%s - %s\n", ok ? "ok" : "not ok", claim);
    if (!ok && found != NULL)
        printf("  found: %s\n", found);
    failures += !ok;
}

/* --- a sink under test --------------------------------------------------------------------------------------------- */

/* Options as name, value, name, value, ..., NULL. */
static int start_sink(struct sink_rig *rig, const char *const *options)
{
    sink_rig_init(rig, "pushgateway");
    rig->deadline_ms = 20000;
    rig->env.timeout_ms = 10000;
    sink_rig_set(rig, "url", gateway_url);
    for (; options != NULL && *options != NULL; options += 2)
        sink_rig_set(rig, options[0], options[1]);
    return sink_rig_open(rig);
}

/* --- what the gateway holds ------------------------------------------------------------------------------------------ */

static int ask(const char *method, const char *path, const char *body, struct buf *answer)
{
    struct http_answer a;
    struct http_request r = { .method = method, .path = path, .body = body, .body_len = body == NULL ? 0 : strlen(body),
                              .deadline_ns = DEADLINE, .cancel_fd = -1, .answer = answer };

    return http_ask(gateway, &r, &a, NULL) < 0 ? -1 : a.status;
}

static cJSON *gateway_state(void)
{
    struct buf json;

    buf_init(&json, 256 << 20);
    ask("GET", "/api/v1/metrics", NULL, &json);
    cJSON *root = cJSON_ParseWithLength(json.data, json.len);
    buf_fini(&json);
    return root;
}

/* The group whose label `name` is `value`, or NULL. */
static const cJSON *find_group(const cJSON *state, const char *name, const char *value)
{
    const cJSON *group;

    cJSON_ArrayForEach(group, cJSON_GetObjectItemCaseSensitive(state, "data"))
    {
        const cJSON *labels = cJSON_GetObjectItemCaseSensitive(group, "labels");
        const cJSON *label = cJSON_GetObjectItemCaseSensitive(labels, name);
        if (cJSON_IsString(label) && strcmp(label->valuestring, value) == 0)
            return group;
    }
    return NULL;
}

static const cJSON *samples_of(const cJSON *group, const char *metric)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(group, metric), "metrics");
}

static const char *label_of(const cJSON *sample, const char *name)
{
    const cJSON *labels = cJSON_GetObjectItemCaseSensitive(sample, "labels");
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(labels, name);

    return cJSON_IsString(label) ? label->valuestring : NULL;
}

/* --- checks ---------------------------------------------------------------------------------------------------------- */

/* Broker names tell the rows apart and their values the row numbers: every row must come back with its own bytes. */
static void check_rows_came_back(const struct batch *b, const cJSON *group, const char *claim)
{
    const cJSON *sample;
    unsigned found = 0, wrong = 0;
    char note[64];

    cJSON_ArrayForEach(sample, samples_of(group, "mq_broker_up"))
    {
        unsigned row = (unsigned)strtod(cJSON_GetObjectItemCaseSensitive(sample, "value")->valuestring, NULL);
        const char *name = label_of(sample, "broker");
        found++;
        wrong += row >= batch_rows(b, TABLE_BROKERS) || name == NULL ||
                 strcmp(name, batch_text(b, TABLE_BROKERS, row, BROKERS_BROKER)) != 0;
    }
    snprintf(note, sizeof(note), "%u of %u rows, %u of them wrong", found, batch_rows(b, TABLE_BROKERS), wrong);
    check(found == batch_rows(b, TABLE_BROKERS) && wrong == 0, claim, note);
}

static void hostile_labels_come_back_byte_by_byte(void)
{
    struct sink_rig s;
    struct batch *b = rig_hostile_broker_batch();

    start_sink(&s, (const char *[]){ "instance", "hostile", NULL });
    check(sink_rig_deliver(&s, b) == SINK_OK, "hostile label values are accepted", s.err.msg);
    cJSON *state = gateway_state();
    check_rows_came_back(b, find_group(state, "instance", "hostile"), "and come back byte by byte");
    cJSON_Delete(state);
    batch_unref(b);
    b = rig_hostile_batch();
    check(sink_rig_deliver(&s, b) == SINK_OK, "every metric with hostile labels and extreme numbers is accepted", s.err.msg);
    printf("# hostile batch: %llu samples\n", (unsigned long long)s.delivery.series);
    sink_rig_fini(&s);
    batch_unref(b);
}

static void large_pages_go_compressed(void)
{
    struct sink_rig s;
    struct buf text;
    struct batch *b = rig_broker_batch(10000);

    buf_init(&text, 0);
    start_sink(&s, (const char *[]){ "instance", "large", NULL });
    check(sink_rig_deliver(&s, b) == SINK_OK, "10,000 samples are accepted", s.err.msg);
    s.ops->render(s.self, b, &text, &s.err);
    check(s.delivery.series == 10000 && s.delivery.bytes * 5 < text.len, "and travel compressed", NULL);
    cJSON *state = gateway_state();
    check_rows_came_back(b, find_group(state, "instance", "large"), "and all arrive");
    cJSON_Delete(state);
    buf_fini(&text);
    batch_unref(b);

    b = rig_broker_batch(3);
    check(sink_rig_deliver(&s, b) == SINK_OK, "a smaller page follows over the same connection", s.err.msg);
    state = gateway_state();
    check_rows_came_back(b, find_group(state, "instance", "large"), "and series that are gone have vanished");
    cJSON_Delete(state);
    batch_unref(b);

    b = rig_broker_batch(0);
    check(sink_rig_deliver(&s, b) == SINK_OK, "an empty batch is accepted", s.err.msg);
    state = gateway_state();
    const cJSON *group = find_group(state, "instance", "large");
    check(group != NULL && samples_of(group, "mq_broker_up") == NULL, "and empties the group without removing it", NULL);
    cJSON_Delete(state);
    batch_unref(b);
    sink_rig_fini(&s);
}

static void a_400_is_final_and_says_why(void)
{
    struct sink_rig s;
    struct batch *b = rig_broker_batch(1);

    start_sink(&s, (const char *[]){ "instance", "clash", NULL });
    ask("DELETE", "/metrics/job/rocketmq/instance/hostile", NULL, NULL);
    ask("DELETE", "/metrics/job/rocketmq/instance/large", NULL, NULL);
    check(ask("PUT", "/metrics/job/other", "# TYPE mq_broker_up counter\nmq_broker_up 1\n", NULL) == 200,
          "(another job claims mq_broker_up as a counter)", NULL);
    check(sink_rig_deliver(&s, b) == SINK_REJECT && strstr(s.err.msg, "answered 400") != NULL &&
              strstr(s.err.msg, "mq_broker_up") != NULL,
          "a 400 is final, and the gateway's text names the metric", s.err.msg);
    ask("DELETE", "/metrics/job/other", NULL, NULL);
    check(sink_rig_deliver(&s, b) == SINK_OK, "and the next page is taken as soon as the clash is gone", s.err.msg);
    sink_rig_fini(&s);
    batch_unref(b);
}

static void odd_values_reach_the_path(void)
{
    static const char *const values[] = { "%RETRY%orders", "a/b", "..", ".", "a b", "消费", "x?y#z", "1+1=2", "~ok-._" };
    struct batch *b = rig_broker_batch(1);

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct sink_rig s;
            char *grouping = xasprintf("place=%s, empty=", values[i]), *claim = xasprintf("path value %s arrives", values[i]);
        int opened = start_sink(&s, (const char *[]){ "grouping", grouping, "job", "team/a", NULL });
        enum sink_result result = opened < 0 ? SINK_REJECT : sink_rig_deliver(&s, b);
        cJSON *state = gateway_state();
        const cJSON *group = find_group(state, "place", values[i]);
        const char *job = label_of(group, "job");
        check(result == SINK_OK && job != NULL && strcmp(job, "team/a") == 0, claim, s.err.msg);
        cJSON_Delete(state);
        sink_rig_fini(&s);
        free(grouping);
        free(claim);
    }
    batch_unref(b);
}

static void a_bad_name_never_poisons_the_gateway(void)
{
    struct sink_rig bad, good;
    struct batch *b = rig_broker_batch(1);

    int opened = start_sink(&bad, (const char *[]){ "instance", "host\xff", NULL });
    check(opened < 0 && strstr(bad.err.msg, "UTF-8") != NULL, "an instance that is not UTF-8 is refused, nothing is sent",
          bad.err.msg);
    start_sink(&good, (const char *[]){ "instance", "good", NULL });
    check(sink_rig_deliver(&good, b) == SINK_OK, "and the gateway goes on taking pushes", good.err.msg);
    sink_rig_fini(&bad);
    sink_rig_fini(&good);
    batch_unref(b);
}

static bool group_exists(const char *instance)
{
    cJSON *state = gateway_state();
    bool exists = find_group(state, "instance", instance) != NULL;

    cJSON_Delete(state);
    return exists;
}

static void a_group_is_deleted_on_stop_only_if_asked(void)
{
    struct sink_rig s;
    struct batch *b = rig_broker_batch(1);

    start_sink(&s, (const char *[]){ "instance", "stays", NULL });
    sink_rig_deliver(&s, b);
    sink_rig_fini(&s);
    check(group_exists("stays"), "a stop leaves the group", NULL);
    start_sink(&s, (const char *[]){ "instance", "goes/away", "delete_on_stop", "yes", NULL });
    sink_rig_deliver(&s, b);
    check(group_exists("goes/away"), "(a group with delete_on_stop is there)", NULL);
    sink_rig_fini(&s);
    check(!group_exists("goes/away"), "delete_on_stop removes it", NULL);
    batch_unref(b);
}

static void the_probe_names_the_version(void)
{
    struct sink_rig s;
    char detail[100] = "";

    start_sink(&s, NULL);
    check(s.ops->probe(s.self, DEADLINE, detail, sizeof(detail), &s.err) == 0 && strncmp(detail, "Pushgateway ", 12) == 0,
          "the probe names the version", detail);
    printf("# %s\n", detail);
    sink_rig_fini(&s);
}

int main(int argc, char **argv)
{
    struct err err;

    if (argc != 2) {
        fprintf(stderr, "usage: push_batch URL\n");
        return 2;
    }
    gateway_url = argv[1];
    struct http_options to = { .what = "Pushgateway", .url = gateway_url, .user_agent = "push_batch", .timeout_ms = 10000 };
    gateway = http_open(&to, &err);
    if (gateway == NULL) {
        fprintf(stderr, "push_batch: %s\n", err.msg);
        return 2;
    }
    hostile_labels_come_back_byte_by_byte();
    large_pages_go_compressed();
    a_400_is_final_and_says_why();
    odd_values_reach_the_path();
    a_bad_name_never_poisons_the_gateway();
    a_group_is_deleted_on_stop_only_if_asked();
    the_probe_names_the_version();
    http_close(gateway);
    return failures > 0;
}
