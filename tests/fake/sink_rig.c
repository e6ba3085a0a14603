/* sink_rig.c - see sink_rig.h. */
#include "tests/fake/sink_rig.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/model/family.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG_TEXT 60000

void sink_rig_init(struct sink_rig *rig, const char *sink)
{
    *rig = (struct sink_rig){ .ops = sink_find(sink), .deadline_ms = 5000, .cancel_fd = -1 };
    assert(rig->ops != NULL);
    signal(SIGPIPE, SIG_IGN); /* as main.c does */
    rig->families = xcalloc(family_count, sizeof(*rig->families));
    family_select("*", rig->families, NULL);
    for (int t = 0; t < TABLE_COUNT; t++)
        rig->tables[t] = true;
    rig->env = (struct sink_env){ .name = sink, .agent_version = "0.0.1", .config_hash = "0", .start_reason = "run",
                                  .interval_ms = 60000, .labels = rig->labels, .families = rig->families,
                                  .tables = rig->tables, .timeout_ms = 2000 };
    rig->self = xcalloc(1, rig->ops->size);
    option_set_defaults(rig->ops->options, rig->self);
}

void sink_rig_fini(struct sink_rig *rig)
{
    rig->ops->close(rig->self);
    free(rig->self);
    free(rig->families);
    for (unsigned i = 0; i < rig->text_count; i++)
        free(rig->texts[i]);
}

int sink_rig_set(struct sink_rig *rig, const char *option, const char *text)
{
    const struct option_spec *spec = option_find(rig->ops->options, option);

    assert(spec != NULL && rig->text_count < sizeof(rig->texts) / sizeof(rig->texts[0]));
    rig->texts[rig->text_count] = xstrdup(text);
    return option_set(spec, rig->self, rig->texts[rig->text_count++], &rig->err);
}

void sink_rig_label(struct sink_rig *rig, const char *name, const char *value)
{
    unsigned count = 0;

    while (rig->labels[count].name != NULL)
        count++;
    assert(count + 1 < sizeof(rig->labels) / sizeof(rig->labels[0]));
    rig->labels[count] = (struct sink_label){ name, value };
}

int sink_rig_open(struct sink_rig *rig)
{
    rig->env.labels = rig->labels; /* the rig may have been moved */
    rig->env.tables = rig->tables;
    return rig->ops->open(rig->self, &rig->env, &rig->err);
}

enum sink_result sink_rig_deliver(struct sink_rig *rig, const struct batch *b)
{
    int64_t start = clock_now_ns();

    rig->delivery = (struct sink_delivery){ .deadline_ns = start + rig->deadline_ms * NS_PER_MS, .cancel_fd = rig->cancel_fd };
    rig->err = (struct err){ 0 };
    enum sink_result result = rig->ops->deliver(rig->self, b, &rig->delivery, &rig->err);
    rig->took_ms = (clock_now_ns() - start) / NS_PER_MS;
    return result;
}

static const char *const hostile_texts[] = {
    "plain", "", " ", "a\"b", "back\\slash", "line\nbreak", "\\n", "\"", "\\", "\n", "tail\\", "cr\rlf\r\n", "tab\t",
    "\x01\x02\x1f\x7f",
    "%RETRY%group", "a|b", "{x=\"y\"} 1", "# HELP", "'; DROP TABLE brokers; --", "=1+1", "a,b;c:d@e", "\xff\xfe", "cut \xe2\x82",
    "\xed\xa0\x80", "消费组", "\xf0\x9f\x90\xb0 emoji", "e\xcc\x81", "\xe2\x80\xa8 line separator", "\xef\xbb\xbf bom",
};

#define HOSTILE_COUNT (sizeof(hostile_texts) / sizeof(hostile_texts[0]))

static uint32_t hostile_text(struct batch *b, unsigned i)
{
    if (i % (HOSTILE_COUNT + 1) < HOSTILE_COUNT)
        return batch_intern_z(b, hostile_texts[i % (HOSTILE_COUNT + 1)]);
    char *text = xmalloc(LONG_TEXT);
    memset(text, '"', LONG_TEXT);
    uint32_t id = batch_intern(b, text, LONG_TEXT);
    free(text);
    return id;
}

static uint32_t numbered_text(struct batch *b, const char *word, uint32_t i)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "%s-%u", word, i);

    return batch_intern(b, text, (size_t)len);
}

static void set_common_keys(struct batch *b, enum table_id t, uint32_t row)
{
    batch_set_text(b, t, row, KEY_SOURCE, batch_intern_z(b, "s"));
    batch_set_text(b, t, row, KEY_SYSTEM, batch_intern_z(b, "rocketmq"));
    batch_set_text(b, t, row, KEY_CLUSTER, batch_intern_z(b, "c"));
}

static void set_info(struct batch *b)
{
    *batch_info_edit(b) = (struct batch_info){ .time_ms = 1700000040000, .interval_ms = 60000, .number = 1, .complete = true };
}

struct batch *rig_empty_batch(void)
{
    struct batch *b = batch_new();

    set_info(b);
    batch_seal(b);
    return b;
}

static void add_broker(struct batch *b, uint32_t name)
{
    uint32_t row = batch_add(b, TABLE_BROKERS);

    set_common_keys(b, TABLE_BROKERS, row);
    batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER, name);
    batch_set_int(b, TABLE_BROKERS, row, BROKERS_UP, (int64_t)row);
}

struct batch *rig_broker_batch(uint32_t rows)
{
    struct batch *b = batch_new();

    set_info(b);
    for (uint32_t i = 0; i < rows; i++)
        add_broker(b, numbered_text(b, "broker", i));
    batch_seal(b);
    return b;
}

struct batch *rig_hostile_broker_batch(void)
{
    struct batch *b = batch_new();

    set_info(b);
    for (unsigned i = 0; i <= HOSTILE_COUNT; i++)
        add_broker(b, hostile_text(b, i));
    batch_seal(b);
    return b;
}

static void set_hostile_row(struct batch *b, enum table_id t, uint32_t row)
{
    static const int64_t ints[] = { 0, 1, INT64_MAX, INT64_MIN + 1, -1, NO_INT };
    const double reals[] = { 0.1, -0.0, INFINITY, -INFINITY, NAN, 1e300, 5e-324, 9007199254740993.0 };
    const struct table *table = &schema_tables[t];

    for (unsigned c = 0; c < table->column_count; c++) {
        if (table->columns[c].kind == COLUMN_INT)
            batch_set_int(b, t, row, c, ints[(row + c) % 6]);
        else if (table->columns[c].kind == COLUMN_REAL)
            batch_set_real(b, t, row, c, reals[(row + c) % 8]);
        else if (table->columns[c].kind == COLUMN_TEXT && row % 4 == 0)
            batch_set_text(b, t, row, c, 0);
        else if (c != table->key_count - 1)
            batch_set_text(b, t, row, c, hostile_text(b, row + c));
    }
    batch_set_text(b, t, row, table->key_count - 1, numbered_text(b, "\"row\\", row));
}

struct batch *rig_hostile_batch(void)
{
    struct batch *b = batch_new();

    set_info(b);
    for (int t = 0; t < TABLE_COUNT; t++)
        for (unsigned i = 0; i < 2 * HOSTILE_COUNT; i++)
            set_hostile_row(b, (enum table_id)t, batch_add(b, (enum table_id)t));
    batch_seal(b);
    return b;
}
