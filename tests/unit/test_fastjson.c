/* test_fastjson.c - the claims of agent/source/rocketmq/fastjson.h. */
#include "agent/source/rocketmq/fastjson.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "tests/unit/unit.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

/* Bodies as servers printed them (facts/rocketmq-remoting.md sections 3 and 4). */
static const char body_106[] =
    "{\"brokerAddrTable\":{\"broker-a\":{\"brokerAddrs\":{0:\"10.0.0.1:10911\",1:\"10.0.0.2:10911\"},\"brokerName\":\"broker-a\","
    "\"cluster\":\"C1\",\"enableActingMaster\":false}},\"clusterAddrTable\":{\"C1\":[\"broker-a\"]}}";
static const char body_105_old[] =
    "{\"brokerDatas\":[{\"brokerAddrs\":{0:\"127.0.0.1:10911\"},\"brokerName\":\"broker-a\",\"cluster\":\"C\"}],"
    "\"filterServerTable\":{},\"queueDatas\":[{\"brokerName\":\"broker-a\",\"perm\":6,\"readQueueNums\":4,\"topicSynFlag\":0,"
    "\"writeQueueNums\":4}]}";
static const char body_43[] =
    "{\"dataVersion\":{\"counter\":5,\"timestamp\":1795176918947},\"groupTopicMap\":{\"G1\":[\"%RETRY%G1\",\"TopicA\"]},"
    "\"offsetTable\":{\"TopicA@G1\":{0:89,1:89,2:89,3:88},\"%RETRY%G1@G1\":{0:8}}}";
static const char body_202[] =
    "{\"offsetTable\":{{\"brokerName\":\"broker-a\",\"queueId\":3,\"topic\":\"TopicA\"}:{\"lastUpdateTimestamp\":1795176974159,"
    "\"maxOffset\":88,\"minOffset\":0},{\"brokerName\":\"broker-a\",\"queueId\":0,\"topic\":\"TopicA\"}:{"
    "\"lastUpdateTimestamp\":0,\"maxOffset\":9223372036854775807,\"minOffset\":-1}},\"topicPutTps\":1.5}";
static const char body_317[] =
    "{\"brokerAddr\":\"127.0.0.1:10911\",\"consumeStatsList\":[{\"G1\":[{\"consumeTps\":4.98,\"offsetTable\":{{\"brokerName\":"
    "\"broker-a\",\"queueId\":0,\"topic\":\"%RETRY%G1\"}:{\"brokerOffset\":8,\"consumerOffset\":8,\"lastTimestamp\":"
    "1795176962724}}},{\"consumeTps\":0.13,\"offsetTable\":{}}]},{\"GB\":[]}],\"totalDiff\":8}";
static const char body_307_cpp[] =
    "{\"mqTable\" : {\n { \"brokerName\" : \"broker-a\" ,\n \"queueId\" : 0 , \"topic\" : \"TopicA\" }\n :\t"
    "{\"commitOffset\" : 144}\r\n} , \"properties\" : { \"a\" : \"b\" } }";
static const char body_ref[] =
    "{\"subscriptionGroupTable\":{\"G1\":{\"attributes\":{\"a\":\"b\"},\"groupName\":\"G1\"},\"G2\":{\"attributes\":{\"$ref\":"
    "\"$.subscriptionGroupTable.G1.attributes\"},\"groupName\":\"G2\"}}}";
static const char body_java[] = "{\"offsetTable\":{\"MessageQueue [topic=T, brokerName=b, queueId=0]\":{\"maxOffset\":1}}}";
static const char body_escaped_key[] =
    "{\"offsetTable\":{\"{\\\"brokerName\\\":\\\"b\\\",\\\"queueId\\\":7,\\\"topic\\\":\\\"T\\\\u4e2d\\\"}\":{\"maxOffset\":1}}}";

static const char *const bodies[] = { body_106, body_105_old, body_43, body_202, body_317, body_307_cpp, body_ref, body_java,
                                      body_escaped_key };
#define BODIES (COUNT(bodies))

/* ---- helpers ---------------------------------------------------------------------------------------------------- */

/* The bytes, ending where the next page may not be read. */
struct fence {
    char *map;
    size_t size;
    const char *data;
};

static struct fence fence_make(const char *data, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (len + page - 1) / page + 1;
    struct fence f = { .size = pages * page };

    f.map = mmap(NULL, f.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(f.map, MAP_FAILED);
    char *end = f.map + (pages - 1) * page;
    memcpy(end - len, data, len);
    mprotect(end, page, PROT_NONE);
    f.data = end - len;
    return f;
}

static void fence_free(struct fence *f)
{
    munmap(f->map, f->size);
}

static void trace_value(struct json *j, struct buf *to);

static void trace_key(const struct json_key *key, struct buf *to)
{
    switch (key->kind) {
    case JSON_KEY_TEXT:
        buf_printf(to, "text %.*s", (int)key->text.len, key->text.data);
        break;
    case JSON_KEY_INTEGER:
        buf_printf(to, "integer %lld", (long long)key->number);
        break;
    case JSON_KEY_QUEUE:
        buf_printf(to, "queue %.*s %.*s %lld", (int)key->broker.len, key->broker.data, (int)key->topic.len, key->topic.data,
                   (long long)key->number);
        break;
    case JSON_KEY_OTHER:
        buf_puts(to, "other");
    }
    buf_puts(to, " = ");
}

static void trace_scalar(struct json *j, struct buf *to)
{
    enum json_kind kind = json_peek(j);
    struct view v;
    bool yes;

    if (kind == JSON_BOOL && json_bool(j, &yes))
        buf_puts(to, yes ? "yes\n" : "no\n");
    else if (kind == JSON_STRING && json_string(j, &v))
        buf_printf(to, "'%.*s'\n", (int)v.len, v.data);
    else if (kind != JSON_STRING && kind != JSON_BOOL && json_raw(j, &v))
        buf_printf(to, "%.*s\n", (int)v.len, v.data);
}

/* Everything in the body, one line a value. */
static void trace_value(struct json *j, struct buf *to)
{
    struct json_key key;

    if (json_peek(j) == JSON_OBJECT && json_enter_object(j)) {
        buf_puts(to, "{\n");
        while (json_next_key(j, &key)) {
            trace_key(&key, to);
            trace_value(j, to);
        }
        buf_puts(to, j->failed == ERR_NONE ? "}\n" : "");
    } else if (json_peek(j) == JSON_ARRAY && json_enter_array(j)) {
        buf_puts(to, "[\n");
        while (json_next_item(j))
            trace_value(j, to);
        buf_puts(to, j->failed == ERR_NONE ? "]\n" : "");
    } else if (j->failed == ERR_NONE) {
        trace_scalar(j, to);
    }
}

static int trace(const char *data, size_t len, struct buf *to, struct err *err)
{
    struct json j;

    json_init(&j, data, len);
    trace_value(&j, to);
    return json_done(&j, err);
}

/* Puts j on the value of {"v":TEXT}; the caller frees *text after json_done. */
static void on_value(struct json *j, const char *value, char **text)
{
    struct json_key key;

    *text = xasprintf("{\"v\":%s}", value);
    json_init(j, *text, strlen(*text));
    ck_assert(json_enter_body(j));
    ck_assert(json_next_key(j, &key));
}

static void ck_view(struct view v, const char *expected)
{
    ck_assert_msg(view_is(v, expected), "'%.*s' is not '%s'", (int)v.len, v.data, expected);
}

/* ---- bodies of real servers ------------------------------------------------------------------------------------- */

START_TEST(broker_ids_are_bare_integer_keys)
{
    struct buf got;
    struct err err = { 0 };

    buf_init(&got, 0);
    ck_assert_msg(trace(body_106, strlen(body_106), &got, &err) == 0, "%s", err.msg);
    buf_putc(&got, '\0');
    ck_assert_str_eq(got.data,
                     "{\ntext brokerAddrTable = {\ntext broker-a = {\ntext brokerAddrs = {\ninteger 0 = '10.0.0.1:10911'\n"
                     "integer 1 = '10.0.0.2:10911'\n}\ntext brokerName = 'broker-a'\ntext cluster = 'C1'\n"
                     "text enableActingMaster = no\n}\n}\ntext clusterAddrTable = {\ntext C1 = [\n'broker-a'\n]\n}\n}\n");
    buf_fini(&got);
}
END_TEST

START_TEST(queue_keys_are_objects)
{
    struct buf got;

    buf_init(&got, 0);
    ck_assert_int_eq(trace(body_202, strlen(body_202), &got, NULL), 0);
    buf_putc(&got, '\0');
    ck_assert_str_eq(got.data, "{\ntext offsetTable = {\nqueue broker-a TopicA 3 = {\ntext lastUpdateTimestamp = 1795176974159\n"
                               "text maxOffset = 88\ntext minOffset = 0\n}\nqueue broker-a TopicA 0 = {\n"
                               "text lastUpdateTimestamp = 0\ntext maxOffset = 9223372036854775807\ntext minOffset = -1\n}\n}\n"
                               "text topicPutTps = 1.5\n}\n");
    buf_fini(&got);
}
END_TEST

START_TEST(every_real_body_is_read_to_its_end)
{
    struct buf got;
    struct err err = { 0 };
    struct json j;

    buf_init(&got, 0);
    ck_assert_msg(trace(bodies[_i], strlen(bodies[_i]), &got, &err) == 0, "%s: %s", bodies[_i], err.msg);
    json_init(&j, bodies[_i], strlen(bodies[_i]));
    json_skip(&j);
    ck_assert_msg(json_done(&j, &err) == 0, "skipping %s: %s", bodies[_i], err.msg);
    buf_fini(&got);
}
END_TEST

START_TEST(a_reference_is_an_object_without_members)
{
    struct buf got;

    buf_init(&got, 0);
    ck_assert_int_eq(trace(body_ref, strlen(body_ref), &got, NULL), 0);
    buf_putc(&got, '\0');
    ck_assert_ptr_null(strstr(got.data, "$ref"));
    ck_assert_ptr_nonnull(strstr(got.data, "text G2 = {\ntext attributes = {\n}\ntext groupName = 'G2'\n"));
    buf_fini(&got);
}
END_TEST

/* ---- spellings of a queue key ----------------------------------------------------------------------------------- */

static const char *const queue_spellings[] = {
    "{\"brokerName\":\"b\",\"queueId\":7,\"topic\":\"T\"}",
    "{ \"brokerName\" : \"b\", \"queueId\" : 7, \"topic\" : \"T\" }",
    "{\"topic\":\"T\",\"queueId\":7,\"brokerName\":\"b\"}",
    "{\"brokerName\":\"b\",\"queueId\":\"7\",\"topic\":\"T\"}",
    "{\"brokerName\":\"\\u0062\",\"queueId\":7,\"topic\":\"\\u0054\"}",
    "{\"@type\":\"x\",\"brokerName\":\"b\",\"more\":{\"a\":[1,{}]},\"queueId\":7,\"topic\":\"T\"}",
    "\"{\\\"brokerName\\\":\\\"b\\\",\\\"queueId\\\":7,\\\"topic\\\":\\\"T\\\"}\"",
    "\"{\\\"brokerName\\\":\\\"\\\\u0062\\\",\\\"queueId\\\":7,\\\"topic\\\":\\\"\\\\u0054\\\"}\"",
    "\"MessageQueue [topic=T, brokerName=b, queueId=7]\"",
    "\"Message\\u0051ueue [topic=T, brokerName=b, queueId=7]\"",
};

START_TEST(a_queue_key_reads_the_same_in_every_spelling)
{
    char *text = xasprintf("{%s:5,\"next\":6}", queue_spellings[_i]);
    struct json j;
    struct json_key key;
    struct err err = { 0 };
    int64_t n = 0;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j));
    ck_assert(json_next_key(&j, &key));
    ck_assert_msg(key.kind == JSON_KEY_QUEUE, "%s", text);
    ck_view(key.broker, "b");
    ck_view(key.topic, "T");
    ck_assert_int_eq(key.number, 7);
    ck_assert(json_i64(&j, &n) && n == 5);
    ck_assert(json_next_key(&j, &key) && json_key_is(&key, "next"));
    ck_assert(json_i64(&j, &n) && n == 6);
    ck_assert(!json_next_key(&j, &key));
    ck_assert_msg(json_done(&j, &err) == 0, "%s", err.msg);
    free(text);
}
END_TEST

START_TEST(the_shared_queue_of_pop_is_minus_one)
{
    static const char text[] = "{{\"brokerName\":\"broker-a\",\"queueId\":-1,\"topic\":\"T_POP\"}:{\"waitAckCount\":99}}";
    struct json j;
    struct json_key key;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j) && json_next_key(&j, &key));
    ck_assert_int_eq(key.kind, JSON_KEY_QUEUE);
    ck_assert_int_eq(key.number, -1);
    ck_assert_int_eq(json_done(&j, NULL), 0);
}
END_TEST

static const char *const no_queues[] = {
    "{}", "{\"$ref\":\"$.x\"}", "{\"brokerName\":\"b\",\"topic\":\"T\"}", "{\"brokerName\":\"b\",\"queueId\":7}",
    "{\"brokerName\":\"b\",\"queueId\":null,\"topic\":\"T\"}", "{\"brokerName\":{},\"queueId\":1,\"topic\":[]}",
    "{{\"a\":1}:2}",
};

START_TEST(an_object_key_that_is_no_queue_hurts_nobody)
{
    char *text = xasprintf("{%s:{\"x\":1},\"next\":6}", no_queues[_i]);
    struct json j;
    struct json_key key;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j) && json_next_key(&j, &key));
    ck_assert_msg(key.kind == JSON_KEY_OTHER, "%s", text);
    ck_assert(json_next_key(&j, &key) && json_key_is(&key, "next"));
    ck_assert_int_eq(json_done(&j, NULL), 0);
    free(text);
}
END_TEST

static const char *const no_queue_texts[] = {
    "\"MessageQueue\"", "\"MessageQueue [topic=T, brokerName=b, queueId=]\"", "\"MessageQueue [topic=T, queueId=1]\"",
    "\"MessageQueue [topic=\"", "\"MessageQueue [topic=T, brokerName=b, queueId=x]\"", "\"{\\\"brokerName\\\":\"",
    "\"{}\"", "\"\"", "\"M\"", "\"{\\\"a\\\":1}\"",
};

START_TEST(a_text_that_only_looks_like_a_queue_stays_text)
{
    char *text = xasprintf("{%s:1}", no_queue_texts[_i]);
    struct json j;
    struct json_key key;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j) && json_next_key(&j, &key));
    ck_assert_msg(key.kind == JSON_KEY_TEXT, "%s", text);
    ck_assert_int_eq(json_done(&j, NULL), 0);
    free(text);
}
END_TEST

/* ---- how long texts live ---------------------------------------------------------------------------------------- */

START_TEST(a_key_stays_while_its_members_are_read)
{
    static const char text[] = "{\"\\u4e2d@G\":{\"\\u0061\":\"\\u0062\",\"\\u0063\":\"d\"},\"z\":0}";
    struct json j;
    struct json_key outer, inner;
    struct view v;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j) && json_next_key(&j, &outer) && json_enter_object(&j));
    ck_assert(json_next_key(&j, &inner) && json_string(&j, &v));
    ck_view(outer.text, "\xe4\xb8\xad@G");
    ck_view(inner.text, "a");
    ck_view(v, "b");
    ck_assert(json_next_key(&j, &inner));
    ck_view(outer.text, "\xe4\xb8\xad@G");
    ck_view(v, "b");
    ck_assert(!json_next_key(&j, &inner));
    ck_view(outer.text, "\xe4\xb8\xad@G");
    ck_assert_int_eq(json_done(&j, NULL), 0);
}
END_TEST

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    bool is_there;
    int64_t value;
} integers[] = {
    { "0", true, 0 },
    { "-0", true, 0 },
    { "7", true, 7 },
    { "-1", true, -1 },
    { "12345678", true, 12345678 },
    { "123456789", true, 123456789 },
    { "1795176974159", true, 1795176974159 },
    { "1234567890123456", true, 1234567890123456 },
    { "12345678901234567", true, 12345678901234567 },
    { "123456789012345678", true, 123456789012345678 },
    { "1234567890123456789", true, 1234567890123456789 },
    { "9007199254740993", true, 9007199254740993 },
    { "9223372036854775807", true, INT64_MAX },
    { "-9223372036854775808", true, INT64_MIN },
    { "9223372036854775808", false, 0 },
    { "-9223372036854775809", false, 0 },
    { "123456789012345678901234567890", false, 0 },
    { "\"9007199254740993\"", true, 9007199254740993 },
    { "\"-5\"", true, -5 },
    { "\"\"", false, 0 },
    { "\" 5\"", false, 0 },
    { "\"5x\"", false, 0 },
    { "1.0", false, 0 },
    { "1e3", false, 0 },
    { "null", false, 0 },
    { "true", false, 0 },
    { "{\"a\":1}", false, 0 },
    { "[1]", false, 0 },
};

START_TEST(integers_are_exact_or_not_there)
{
    char *text;
    struct json j;
    struct err err = { 0 };
    int64_t got = 4711;

    on_value(&j, integers[_i].text, &text);
    ck_assert_msg(json_i64(&j, &got) == integers[_i].is_there, "%s", integers[_i].text);
    ck_assert_msg(got == (integers[_i].is_there ? integers[_i].value : 4711), "%s: %lld", integers[_i].text, (long long)got);
    struct json_key key;
    ck_assert(!json_next_key(&j, &key));
    ck_assert_msg(json_done(&j, &err) == 0, "%s: %s", integers[_i].text, err.msg);
    free(text);
}
END_TEST

static const struct {
    const char *text;
    bool is_there;
    double value;
} reals[] = {
    { "0.0", true, 0.0 },
    { "4.97", true, 4.97 },
    { "-4.97", true, -4.97 },
    { "1.0E-5", true, 1.0e-5 },
    { "1e+3", true, 1000 },
    { "5.697151424287856", true, 5.697151424287856 },
    { "0.1", true, 0.1 },
    { "123456789012345678", true, 123456789012345678.0 },
    { "9007199254740993", true, 9007199254740993.0 },
    { "1.7976931348623157E308", true, 1.7976931348623157E308 },
    { "4.9E-324", true, 4.9E-324 },
    { "2.2250738585072014e-308", true, 2.2250738585072014e-308 },
    { "1e23", true, 1e23 },
    { "8.5e22", true, 8.5e22 },
    { "0.07999999999999999999999999999999999999999999999999999999999999999999999", true, 0.08 },
    { "1E400", false, 0 },
    { "1e99999999999999999999", false, 0 },
    { "\"4.97\"", true, 4.97 },
    { "\"NaN\"", false, 0 },
    { "\"\"", false, 0 },
    { "\"1,5\"", false, 0 },
    { "\"0x10\"", false, 0 },
    { "null", false, 0 },
    { "[]", false, 0 },
};

START_TEST(reals_are_the_nearest_double_or_not_there)
{
    char *text;
    struct json j;
    struct err err = { 0 };
    double got = 4711;

    on_value(&j, reals[_i].text, &text);
    ck_assert_msg(json_real(&j, &got) == reals[_i].is_there, "%s", reals[_i].text);
    ck_assert_msg(got == (reals[_i].is_there ? reals[_i].value : 4711), "%s: %.17g", reals[_i].text, got);
    ck_assert_msg(json_done(&j, &err) == 0, "%s: %s", reals[_i].text, err.msg);
    free(text);
}
END_TEST

START_TEST(random_reals_read_back_exactly)
{
    uint64_t seed = unit_seed(), state = seed;
    char *text, number[64];
    struct json j;

    for (int i = 0; i < 20000; i++) {
        double value = ldexp((double)(unit_random(&state) >> 2), (int)(unit_random(&state) % 160) - 120), got = 0;
        snprintf(number, sizeof(number), "%.*g", (int)(unit_random(&state) % 17) + 1, value);
        on_value(&j, number, &text);
        ck_assert_msg(json_real(&j, &got) && got == strtod(number, NULL), "UNIT_SEED=%" PRIu64 ": %s gave %.17g", seed,
                      number, got);
        json_done(&j, NULL);
        free(text);
    }
}
END_TEST

START_TEST(the_locale_means_nothing)
{
    char *text;
    struct json j;
    double got = 0;

    setlocale(LC_ALL, "de_DE.UTF-8");
    on_value(&j, "1.7976931348623157E308", &text);
    ck_assert(json_real(&j, &got) && got == 1.7976931348623157E308);
    json_done(&j, NULL);
    free(text);
}
END_TEST

START_TEST(booleans_may_be_quoted)
{
    static const char text[] = "[true,false,\"true\",\"false\",null,1,\"yes\"]";
    struct json j;
    bool yes = true;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_array(&j));
    ck_assert(json_next_item(&j) && json_bool(&j, &yes) && yes);
    ck_assert(json_next_item(&j) && json_bool(&j, &yes) && !yes);
    ck_assert(json_next_item(&j) && json_bool(&j, &yes) && yes);
    ck_assert(json_next_item(&j) && json_bool(&j, &yes) && !yes);
    for (int i = 0; i < 3; i++)
        ck_assert(json_next_item(&j) && !json_bool(&j, &yes));
    ck_assert(!json_next_item(&j));
    ck_assert_int_eq(json_done(&j, NULL), 0);
}
END_TEST

/* ---- texts ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *text, *means;
} texts[] = {
    { "\"\"", "" },
    { "\"plain\"", "plain" },
    { "\"12345678\"", "12345678" },
    { "\"T_\xe4\xb8\xad\xe6\x96\x87\"", "T_\xe4\xb8\xad\xe6\x96\x87" },
    { "\"\\u4e2d\\u6587\"", "\xe4\xb8\xad\xe6\x96\x87" },
    { "\"\\u00e9\\u0041\"", "\xc3\xa9""A" },
    { "\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!" },
    { "\"\\ud83d\"", "\xef\xbf\xbd" },
    { "\"\\ude00\"", "\xef\xbf\xbd" },
    { "\"\\ud83d\\u0041\"", "\xef\xbf\xbd""A" },
    { "\"\\ud83dx\"", "\xef\xbf\xbdx" },
    { "\"a\\\"b\\\\c\\/d\"", "a\"b\\c/d" },
    { "\"\\b\\f\\n\\r\\t\\v\"", "\b\f\n\r\t\v" },
    { "\"\\'\\x41\\7\"", "'A\7" },
    { "\"1234567\\\"\"", "1234567\"" },
    { "12.50", "12.50" },
    { "true", "true" },
};

START_TEST(texts_come_out_unescaped)
{
    char *text;
    struct json j;
    struct err err = { 0 };
    struct view v = { 0 };

    on_value(&j, texts[_i].text, &text);
    ck_assert_msg(json_string(&j, &v), "%s", texts[_i].text);
    ck_view(v, texts[_i].means);
    ck_assert_msg(json_done(&j, &err) == 0, "%s: %s", texts[_i].text, err.msg);
    free(text);
}
END_TEST

START_TEST(null_and_other_types_are_not_there)
{
    static const char text[] = "{\"a\":null,\"b\":{\"x\":[1,2]},\"c\":[{}],\"d\":\"D\"}";
    struct json j;
    struct json_key key;
    struct view v = { 0 };

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j));
    ck_assert(json_next_key(&j, &key) && !json_string(&j, &v));
    ck_assert(json_next_key(&j, &key) && !json_string(&j, &v));
    ck_assert(json_next_key(&j, &key) && !json_enter_object(&j));
    ck_assert_ptr_null(v.data);
    ck_assert(json_next_key(&j, &key) && json_string(&j, &v));
    ck_view(v, "D");
    ck_assert_int_eq(json_done(&j, NULL), 0);
}
END_TEST

START_TEST(a_raw_value_keeps_quotes_and_brackets)
{
    static const char text[] = "[ \"a\\\"b\" , {\"x\":[1]} ,-12.5e3, null ]";
    static const char *const expected[] = { "\"a\\\"b\"", "{\"x\":[1]}", "-12.5e3", "null" };
    struct json j;
    struct view v;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_array(&j));
    for (int i = 0; i < 4; i++) {
        ck_assert(json_next_item(&j) && json_raw(&j, &v));
        ck_view(v, expected[i]);
    }
    ck_assert(!json_next_item(&j));
    ck_assert_int_eq(json_done(&j, NULL), 0);
}
END_TEST

/* ---- moving about ----------------------------------------------------------------------------------------------- */

START_TEST(values_nobody_reads_are_passed_over)
{
    static const char text[] =
        "{\"a\":{{\"brokerName\":\"b\",\"queueId\":0,\"topic\":\"T\"}:[1,\"]}\",{}]},\"b\":[[1],[]],\"c\":7}";
    struct json j;
    struct json_key key;
    int64_t n = 0;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j));
    while (json_next_key(&j, &key))
        if (json_key_is(&key, "c"))
            ck_assert(json_i64(&j, &n));
    ck_assert_int_eq(n, 7);
    ck_assert_int_eq(json_done(&j, NULL), 0);
}
END_TEST

START_TEST(leaving_gives_up_the_rest)
{
    static const char text[] = "{\"a\":{\"x\":{\"y\":1},\"z\":2},\"b\":[1,[2],3],\"c\":7}";
    struct json j;
    struct json_key key;
    int64_t n = 0;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j) && json_next_key(&j, &key) && json_enter_object(&j) && json_next_key(&j, &key));
    json_leave(&j);
    ck_assert(json_next_key(&j, &key) && json_key_is(&key, "b") && json_enter_array(&j) && json_next_item(&j));
    json_leave(&j);
    ck_assert(json_next_key(&j, &key) && json_key_is(&key, "c") && json_i64(&j, &n) && n == 7);
    ck_assert(!json_next_key(&j, &key));
    ck_assert_int_eq(json_done(&j, NULL), 0);
}
END_TEST

START_TEST(quoted_digits_are_an_integer_key_for_who_wants_one)
{
    static const char text[] = "{0:1,\"1\":1,-2:1,\"x\":1}";
    struct json j;
    struct json_key key;
    int64_t n = 9;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j));
    ck_assert(json_next_key(&j, &key) && key.kind == JSON_KEY_INTEGER && json_key_i64(&key, &n) && n == 0);
    ck_assert(json_next_key(&j, &key) && key.kind == JSON_KEY_TEXT && json_key_i64(&key, &n) && n == 1);
    ck_assert(json_next_key(&j, &key) && json_key_i64(&key, &n) && n == -2);
    ck_assert(json_next_key(&j, &key) && !json_key_i64(&key, &n));
    ck_assert_int_eq(json_done(&j, NULL), 0);
}
END_TEST

/* ---- what is wrong ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *says;
} broken[] = {
    { "", "byte 0 of 0: expected a value, found the end" },
    { "  ", "expected a value" },
    { "[1]", "byte 0 of 3: expected an object, found '['" },
    { "HTTP", "expected an object, found 'H'" },
    { "{", "byte 1 of 1: expected a key, found the end" },
    { "{\"mqTable\":},\"a\":1}", "byte 11 of 19: expected a value, found '}'" },
    { "{\"a\" 1}", "expected ':', found '1'" },
    { "{\"a\":1 \"b\":2}", "expected ',' or '}', found '\"'" },
    { "{\"a\":1,}", "expected a key, found '}'" },
    { "{\"a\":[1,]}", "expected a value, found ']'" },
    { "{\"a\":[1 2]}", "expected ',' or ']', found '2'" },
    { "{\"a\":[1}", "expected ',' or ']', found '}'" },
    { "{\"a\":1]", "expected ',' or '}', found ']'" },
    { "{'a':1}", "expected a key, found '''" },
    { "{a:1}", "expected a key, found 'a'" },
    { "{1.5:1}", "expected a key, found '1'" },
    { "{99999999999999999999:1}", "expected a key" },
    { "{\"a\":tru}", "expected a value, found 't'" },
    { "{\"a\":-}", "expected a value, found '-'" },
    { "{\"a\":1.}", "expected a value, found '1'" },
    { "{\"a\":1e}", "expected a value, found '1'" },
    { "{\"a\":\"x}", "expected the end of a text, found the end" },
    { "{\"a\":\"x\\", "expected the end of a text" },
    { "{\"a\":1} x", "expected nothing more, found 'x'" },
    { "{\"a\":1}}", "expected nothing more, found '}'" },
    { "{\"a\":\x01}", "found byte 0x01" },
    { "{/*c*/\"a\":1}", "expected a key, found '/'" },
};

START_TEST(a_failure_says_what_and_where)
{
    struct json j;
    struct json_key key;
    struct err err = { 0 };

    json_init(&j, broken[_i].text, strlen(broken[_i].text));
    if (json_enter_body(&j)) {
        while (json_next_key(&j, &key)) {
            if (json_enter_array(&j))
                while (json_next_item(&j))
                    ;
        }
    }
    ck_assert_msg(json_done(&j, &err) == -1, "%s", broken[_i].text);
    ck_assert_int_eq(err.kind, ERR_PROTO);
    ck_assert_msg(strstr(err.msg, broken[_i].says) != NULL, "%s: \"%s\" does not say \"%s\"", broken[_i].text, err.msg,
                  broken[_i].says);
}
END_TEST

START_TEST(a_bad_escape_is_a_failure)
{
    static const char *const bad[] = { "\"\\q\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\x4\"", "\"\\8\"" };
    char *text;
    struct json j;
    struct view v;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        on_value(&j, bad[i], &text);
        ck_assert_msg(!json_string(&j, &v), "%s", bad[i]);
        ck_assert_msg(json_done(&j, NULL) == -1, "%s", bad[i]);
        free(text);
    }
}
END_TEST

START_TEST(a_failure_sticks)
{
    static const char text[] = "{\"a\":?,\"b\":1}";
    struct json j;
    struct json_key key;
    struct view v;
    int64_t n = 5;
    double d;
    bool yes;

    json_init(&j, text, strlen(text));
    ck_assert(json_enter_body(&j) && json_next_key(&j, &key));
    ck_assert(!json_i64(&j, &n));
    ck_assert(!json_next_key(&j, &key) && !json_next_item(&j) && !json_enter_object(&j) && !json_enter_array(&j));
    ck_assert(!json_i64(&j, &n) && !json_real(&j, &d) && !json_bool(&j, &yes) && !json_string(&j, &v) && !json_raw(&j, &v));
    ck_assert_int_eq(json_peek(&j), JSON_NOTHING);
    json_skip(&j);
    json_leave(&j);
    ck_assert_int_eq(n, 5);
    ck_assert_int_eq(json_done(&j, NULL), -1);
}
END_TEST

/* ---- limits ----------------------------------------------------------------------------------------------------- */

/* depth brackets, read to the innermost, or skipped. */
static int read_nested(unsigned depth, const char *open, const char *close, bool skips)
{
    struct buf text, ignored;
    struct err err = { 0 };
    struct json j;
    int rc;

    buf_init(&text, 0);
    buf_init(&ignored, 0);
    for (unsigned i = 0; i < depth; i++)
        buf_puts(&text, open);
    for (unsigned i = 0; i < depth; i++)
        buf_puts(&text, close);
    if (skips) {
        json_init(&j, text.data, text.len);
        json_skip(&j);
        rc = json_done(&j, &err);
    } else {
        rc = trace(text.data, text.len, &ignored, &err);
    }
    ck_assert_int_eq(err.kind, rc < 0 ? ERR_LIMIT : ERR_NONE);
    buf_fini(&text);
    buf_fini(&ignored);
    return rc;
}

START_TEST(depth_32_is_read_and_33_refused)
{
    for (int skips = 0; skips < 2; skips++) {
        ck_assert_int_eq(read_nested(JSON_DEPTH_MAX, "[", "]", skips), 0);
        ck_assert_int_eq(read_nested(JSON_DEPTH_MAX + 1, "[", "]", skips), -1);
        ck_assert_int_eq(read_nested(100000, "[", "]", skips), -1);
        ck_assert_int_eq(read_nested(100000, "{", "}", skips), -1);
    }
}
END_TEST

START_TEST(a_queue_key_at_the_deepest_level_is_refused_in_every_spelling)
{
    for (int i = 0; i < 7; i++) {
        for (unsigned depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
            struct buf text, ignored;
            buf_init(&text, 0);
            buf_init(&ignored, 0);
            for (unsigned d = 1; d < depth; d++)
                buf_puts(&text, "[");
            buf_printf(&text, "{%s:1}", i == 5 ? queue_spellings[0] : queue_spellings[i]);
            for (unsigned d = 1; d < depth; d++)
                buf_puts(&text, "]");
            bool is_text = i == 6; /* a text takes no level */
            ck_assert_int_eq(trace(text.data, text.len, &ignored, NULL), depth == JSON_DEPTH_MAX && !is_text ? -1 : 0);
            buf_fini(&text);
            buf_fini(&ignored);
        }
    }
}
END_TEST

/* A body whose key or value has `len` bytes. */
static int read_long(size_t len, const char *before, const char *after, bool skips)
{
    struct buf text, ignored;
    struct json j;
    struct err err = { 0 };
    int rc;

    buf_init(&text, 0);
    buf_init(&ignored, 0);
    buf_puts(&text, before);
    memset(buf_grow(&text, len), 'x', len);
    text.len += len;
    buf_puts(&text, after);
    if (skips) {
        json_init(&j, text.data, text.len);
        json_skip(&j);
        rc = json_done(&j, &err);
    } else {
        rc = trace(text.data, text.len, &ignored, &err);
    }
    ck_assert_int_eq(err.kind, rc < 0 ? ERR_LIMIT : ERR_NONE);
    buf_fini(&text);
    buf_fini(&ignored);
    return rc;
}

START_TEST(a_text_may_have_a_mebibyte_and_not_one_byte_more)
{
    static const char *const frames[][2] = {
        { "{\"", "\":1}" },
        { "{\"a\":\"", "\"}" },
        { "{{\"brokerName\":\"", "\",\"queueId\":1,\"topic\":\"T\"}:1}" },
        { "{{\"brokerName\":\"b\",\"queueId\":1,\"topic\":\"", "\"}:1}" },
        { "{{\"topic\":\"T\",\"queueId\":1,\"brokerName\":\"", "\"}:1}" },
    };

    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        ck_assert_int_eq(read_long(JSON_TEXT_MAX, frames[i][0], frames[i][1], false), 0);
        ck_assert_int_eq(read_long(JSON_TEXT_MAX + 1, frames[i][0], frames[i][1], false), -1);
        ck_assert_int_eq(read_long(JSON_TEXT_MAX + 1, frames[i][0], frames[i][1], true), 0);
    }
}
END_TEST

/* ---- properties ------------------------------------------------------------------------------------------------- */

START_TEST(a_body_cut_anywhere_fails_softly)
{
    size_t len = strlen(bodies[_i]);
    struct buf whole, part;

    buf_init(&whole, 0);
    buf_init(&part, 0);
    ck_assert_int_eq(trace(bodies[_i], len, &whole, NULL), 0);
    for (size_t cut = 0; cut < len; cut++) {
        struct fence f = fence_make(bodies[_i], cut);
        buf_reset(&part);
        int rc = trace(f.data, cut, &part, NULL);
        ck_assert_msg(rc == -1, "%.*s", (int)cut, bodies[_i]);
        ck_assert_msg(part.len < whole.len, "cut at %zu", cut);
        struct json j;
        json_init(&j, f.data, cut);
        json_skip(&j);
        ck_assert_int_eq(json_done(&j, NULL), -1);
        fence_free(&f);
    }
    buf_fini(&whole);
    buf_fini(&part);
}
END_TEST

START_TEST(nothing_is_read_behind_the_end)
{
    struct fence f = fence_make(bodies[_i], strlen(bodies[_i]));
    struct buf got;

    buf_init(&got, 0);
    ck_assert_int_eq(trace(f.data, strlen(bodies[_i]), &got, NULL), 0);
    fence_free(&f);
    buf_fini(&got);
}
END_TEST

/* Mostly one that means something. */
static char random_byte(uint64_t *state)
{
    static const char marks[] = "{}[]\",:\\0-1.eu ";

    return unit_random(state) % 3 > 0 ? marks[unit_random(state) % (sizeof(marks) - 1)] : (char)unit_random(state);
}

START_TEST(random_damage_is_survived)
{
    uint64_t seed = unit_seed(), state = seed;
    size_t len = strlen(bodies[_i]);
    struct buf got;

    printf("UNIT_SEED=%" PRIu64 "\n", seed);
    buf_init(&got, 0);
    for (int round = 0; round < 3000; round++) {
        struct fence f = fence_make(bodies[_i], len);
        char *bytes = (char *)f.data;
        for (uint64_t k = 1 + unit_random(&state) % 4; k > 0; k--)
            bytes[unit_random(&state) % len] = random_byte(&state);
        buf_reset(&got);
        trace(f.data, len, &got, NULL);
        struct json j;
        json_init(&j, f.data, len);
        json_skip(&j);
        json_done(&j, NULL);
        fence_free(&f);
    }
    buf_fini(&got);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fastjson");
    TCase *real = unit_case(suite, "real bodies"), *keys = unit_case(suite, "keys"), *values = unit_case(suite, "values");
    TCase *wrong = unit_case(suite, "wrong"), *properties = unit_case(suite, "properties");

    tcase_add_test(real, broker_ids_are_bare_integer_keys);
    tcase_add_test(real, queue_keys_are_objects);
    tcase_add_loop_test(real, every_real_body_is_read_to_its_end, 0, BODIES);
    tcase_add_test(real, a_reference_is_an_object_without_members);
    tcase_add_loop_test(keys, a_queue_key_reads_the_same_in_every_spelling, 0, COUNT(queue_spellings));
    tcase_add_test(keys, the_shared_queue_of_pop_is_minus_one);
    tcase_add_loop_test(keys, an_object_key_that_is_no_queue_hurts_nobody, 0, COUNT(no_queues));
    tcase_add_loop_test(keys, a_text_that_only_looks_like_a_queue_stays_text, 0, COUNT(no_queue_texts));
    tcase_add_test(keys, a_key_stays_while_its_members_are_read);
    tcase_add_test(keys, quoted_digits_are_an_integer_key_for_who_wants_one);
    tcase_add_loop_test(values, integers_are_exact_or_not_there, 0, COUNT(integers));
    tcase_add_loop_test(values, reals_are_the_nearest_double_or_not_there, 0, COUNT(reals));
    tcase_add_test(values, random_reals_read_back_exactly);
    tcase_add_test(values, the_locale_means_nothing);
    tcase_add_test(values, booleans_may_be_quoted);
    tcase_add_loop_test(values, texts_come_out_unescaped, 0, COUNT(texts));
    tcase_add_test(values, null_and_other_types_are_not_there);
    tcase_add_test(values, a_raw_value_keeps_quotes_and_brackets);
    tcase_add_test(values, values_nobody_reads_are_passed_over);
    tcase_add_test(values, leaving_gives_up_the_rest);
    tcase_add_loop_test(wrong, a_failure_says_what_and_where, 0, COUNT(broken));
    tcase_add_test(wrong, a_bad_escape_is_a_failure);
    tcase_add_test(wrong, a_failure_sticks);
    tcase_add_test(wrong, depth_32_is_read_and_33_refused);
    tcase_add_test(wrong, a_queue_key_at_the_deepest_level_is_refused_in_every_spelling);
    tcase_add_test(wrong, a_text_may_have_a_mebibyte_and_not_one_byte_more);
    tcase_add_loop_test(properties, a_body_cut_anywhere_fails_softly, 0, BODIES);
    tcase_add_loop_test(properties, nothing_is_read_behind_the_end, 0, BODIES);
    tcase_add_loop_test(properties, random_damage_is_survived, 0, BODIES);
    return unit_main(suite);
}
