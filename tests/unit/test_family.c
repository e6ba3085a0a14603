/* test_family.c - the table of metric names against itself, against the schema and against the official exporter; samples;
 * choosing and limiting. */
#include "agent/model/family.h"

#include "agent/base/err.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define OFFICIAL_NAMES "tests/data/official_names.txt"
#define MAX_FAMILIES 512

static unsigned index_of(const char *name)
{
    const struct family *f = family_find(name);

    ck_assert_msg(f != NULL, "no family %s", name);
    return (unsigned)(f - families);
}

static bool is_word(const char *name)
{
    if (!isalpha((unsigned char)name[0]))
        return false;
    for (const char *p = name; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && *p != '_')
            return false;
    return strncmp(name, "__", 2) != 0;
}

/* The table ------------------------------------------------------------------------------------------------------------ */

START_TEST(a_family_names_columns_that_exist_and_fit)
{
    for (unsigned i = 0; i < family_count; i++) {
        const struct family *f = &families[i];
        ck_assert_msg(f->table < TABLE_COUNT, "%s", f->name);
        const struct table *t = &schema_tables[f->table];
        ck_assert_msg(f->column < t->column_count, "%s: column %u", f->name, f->column);
        enum column_kind kind = t->columns[f->column].kind;
        ck_assert_msg(kind == COLUMN_INT || kind == COLUMN_REAL, "%s: %s is no number", f->name, t->columns[f->column].name);
        unsigned labels = 0;
        for (const struct family_label *l = f->labels; l->name != NULL; l++, labels++) {
            ck_assert_msg(labels < FAMILY_LABELS_MAX, "%s: the end of its labels is missing", f->name);
            ck_assert_msg(l->column < t->column_count, "%s: label %s", f->name, l->name);
            kind = t->columns[l->column].kind;
            ck_assert_msg(kind == COLUMN_KEY || kind == COLUMN_TEXT, "%s: label %s is no text", f->name, l->name);
        }
        ck_assert_msg(!f->only_complete || schema_find_column(t, "complete") >= 0, "%s: %s has no `complete`", f->name, t->name);
    }
}
END_TEST

START_TEST(names_are_legal_and_stand_once)
{
    for (unsigned i = 0; i < family_count; i++) {
        const struct family *f = &families[i];
        ck_assert_msg(is_word(f->name), "%s", f->name);
        ck_assert_msg(strncmp(f->name, "rocketmq_", 9) == 0 || strncmp(f->name, "mq_", 3) == 0 ||
                      strncmp(f->name, "mqpush_", 7) == 0,
                      "%s belongs to none of the three name spaces", f->name);
        ck_assert_msg(family_find(f->name) == f, "%s stands twice", f->name);
    }
    ck_assert_ptr_null(family_find("nope"));
    ck_assert_ptr_null(family_find(""));
}
END_TEST

START_TEST(label_names_are_legal_and_stand_once_in_a_family)
{
    for (unsigned i = 0; i < family_count; i++)
        for (const struct family_label *l = families[i].labels; l->name != NULL; l++) {
            ck_assert_msg(is_word(l->name), "%s{%s}", families[i].name, l->name);
            /* these are the Pushgateway's and Prometheus' own */
            ck_assert_msg(strcmp(l->name, "job") != 0 && strcmp(l->name, "instance") != 0 && strcmp(l->name, "le") != 0 &&
                              strcmp(l->name, "quantile") != 0, "%s{%s}", families[i].name, l->name);
            for (const struct family_label *before = families[i].labels; before < l; before++) {
                ck_assert_msg(strcmp(before->name, l->name) != 0, "%s{%s} twice", families[i].name, l->name);
                ck_assert_msg(before->column != l->column, "%s: %s and %s are the same column", families[i].name, before->name,
                              l->name);
            }
        }
}
END_TEST

START_TEST(a_family_is_described)
{
    for (unsigned i = 0; i < family_count; i++) {
        const struct family *f = &families[i];
        char first = f->help != NULL ? f->help[0] : '\0';
        ck_assert_msg(isupper((unsigned char)first) || isdigit((unsigned char)first), "%s: help", f->name);
        ck_assert_msg(f->unit != NULL, "%s: unit (\"\" where it is a plain number)", f->name);
        ck_assert_msg(f->help[strlen(f->help) - 1] != '.' && strpbrk(f->help, "\n\\") == NULL, "%s: help", f->name);
        char formula[200];
        ck_assert_msg(family_formula(f, formula, sizeof(formula))[0] != '\0', "%s: formula", f->name);
        ck_assert_msg(f->detail <= 3, "%s: detail %u", f->name, f->detail);
        ck_assert_msg(f->table != TABLE_QUEUES || f->detail == 3, "%s is per queue, detail %u", f->name, f->detail);
    }
}
END_TEST

START_TEST(our_names_say_what_they_are)
{
    for (unsigned i = 0; i < family_count; i++) {
        const struct family *f = &families[i];
        size_t len = strlen(f->name);
        bool is_total = len > 6 && strcmp(f->name + len - 6, "_total") == 0;
        if (strncmp(f->name, "rocketmq_", 9) == 0)
            continue; /* the official names are what they are: all gauges */
        ck_assert_msg((f->type == FAMILY_COUNTER) == is_total, "%s is a %s", f->name, family_type_name(f->type));
        if (strcmp(f->unit, "s") == 0)
            ck_assert_msg(strstr(f->name, "_seconds") != NULL, "%s is in seconds", f->name);
        if (strcmp(f->unit, "bytes") == 0)
            ck_assert_msg(strstr(f->name, "_bytes") != NULL, "%s is in bytes", f->name);
    }
}
END_TEST

/* A key that another key of the same row settles, and so may be missing among the labels. */
static bool key_is_settled(const struct family *f, unsigned key)
{
    const char *table = schema_tables[f->table].name, *name = schema_tables[f->table].columns[key].name;
    static const char *const settled[][2] = {
        { "backlogs", "kind" }, { "topics", "kind" }, /* by the topic's name */
        { "groups", "model" },  { "groups", "type" }, /* a group has one row */
        { "queues", "client" },                       /* a queue has one owner */
        { "brokers", "version" },                     /* a process has one */
        { "clients", "pid" }, { "clients", "version" }, { "clients", "language" }, /* of the client id */
        { "nameservers", "cluster" },                 /* it serves them all */
    };

    for (size_t i = 0; i < sizeof(settled) / sizeof(settled[0]); i++)
        if (strcmp(settled[i][0], table) == 0 && strcmp(settled[i][1], name) == 0)
            return true;
    return false;
}

START_TEST(the_labels_of_our_names_tell_all_rows_apart)
{
    for (unsigned i = 0; i < family_count; i++) {
        const struct family *f = &families[i];
        if (strncmp(f->name, "mq_", 3) != 0)
            continue;
        for (unsigned key = 0; key < schema_tables[f->table].key_count; key++) {
            bool has = key_is_settled(f, key);
            for (const struct family_label *l = f->labels; l->name != NULL; l++)
                has = has || l->column == key;
            ck_assert_msg(has, "%s: rows that differ in `%s` only would collide", f->name,
                          schema_tables[f->table].columns[key].name);
        }
    }
}
END_TEST

/* The official exporter --------------------------------------------------------------------------------------------------- */

/* Is `labels` ("a,b,c", any order) exactly what the family carries? */
static bool carries_exactly(const struct family *f, const char *labels)
{
    char copy[256], *rest = NULL;
    unsigned named = 0, carried = 0;

    snprintf(copy, sizeof(copy), "%s", labels);
    for (const struct family_label *l = f->labels; l->name != NULL; l++)
        carried++;
    for (char *name = strtok_r(copy, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest), named++) {
        const struct family_label *l = f->labels;
        while (l->name != NULL && strcmp(l->name, name) != 0)
            l++;
        if (l->name == NULL)
            return false;
    }
    return named == carried;
}

START_TEST(the_names_of_both_exporters_are_ours_with_exactly_their_labels)
{
    FILE *file = fopen(OFFICIAL_NAMES, "r");
    char line[512];
    unsigned names = 0, ours = 0;

    ck_assert_msg(file != NULL, "%s: run me in the root of the source", OFFICIAL_NAMES);
    while (fgets(line, sizeof(line), file) != NULL) {
        char name[128], labels[256];
        if (line[0] == '#')
            continue;
        ck_assert_msg(sscanf(line, "%127s %255s", name, labels) == 2, "%s", line);
        names++;
        const struct family *f = family_find(name);
        ck_assert_msg(f != NULL, "no %s{%s}", name, labels);
        ck_assert_msg(carries_exactly(f, labels), "%s does not carry exactly %s", name, labels);
        ck_assert_msg(f->type == FAMILY_GAUGE || f->type == FAMILY_UNTYPED, "%s is no gauge", name);
    }
    fclose(file);
    ck_assert_uint_eq(names, 89 + 7);
    for (unsigned i = 0; i < family_count; i++)
        ours += strncmp(families[i].name, "rocketmq_", 9) == 0;
    ck_assert_uint_eq(ours, names); /* and nothing of ours pretends to be official */
}
END_TEST

/* Samples ------------------------------------------------------------------------------------------------------------------ */

static uint32_t add_backlog(struct batch *b, const char *kind, int64_t lag, int64_t complete)
{
    uint32_t row = batch_add(b, TABLE_BACKLOGS);

    batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_CONSUMER_GROUP, batch_intern_z(b, "g"));
    batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_KIND, batch_intern_z(b, kind));
    if (lag != NO_INT) {
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_LAG, lag);
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_DIFF, lag);
    }
    if (complete != NO_INT)
        batch_set_int(b, TABLE_BACKLOGS, row, BACKLOGS_COMPLETE, complete);
    return row;
}

static bool has_sample(const char *name, const struct batch *b, uint32_t row)
{
    bool is_int;
    int64_t i;
    double d;

    return family_sample(&families[index_of(name)], b, row, &is_int, &i, &d);
}

START_TEST(unknown_has_no_sample_and_zero_has_one)
{
    struct batch *b = batch_new();
    uint32_t unknown = add_backlog(b, "normal", NO_INT, 1), idle = add_backlog(b, "normal", 0, 1);

    ck_assert(!has_sample("mq_group_lag_messages", b, unknown));
    ck_assert(has_sample("mq_group_lag_messages", b, idle));
    ck_assert(!has_sample("rocketmq_group_diff", b, unknown));
    ck_assert(has_sample("rocketmq_group_diff", b, idle));
    ck_assert_uint_eq(family_samples(family_find("mq_group_lag_messages"), b), 1);
    batch_unref(b);
}
END_TEST

START_TEST(a_sum_that_misses_a_part_is_left_out_under_its_official_name)
{
    struct batch *b = batch_new();
    uint32_t part = add_backlog(b, "normal", 5, 0), whole = add_backlog(b, "normal", 5, 1);
    uint32_t unsaid = add_backlog(b, "normal", 5, NO_INT);

    ck_assert(!has_sample("rocketmq_group_diff", b, part));
    ck_assert(!has_sample("rocketmq_group_diff", b, unsaid)); /* nobody said that it is complete */
    ck_assert(has_sample("rocketmq_group_diff", b, whole));
    ck_assert(has_sample("mq_group_lag_messages", b, part)); /* ours says mq_group_complete 0 beside it */
    ck_assert(has_sample("mq_group_complete", b, part));
    ck_assert_uint_eq(family_samples(family_find("rocketmq_group_diff"), b), 1);
    batch_unref(b);
}
END_TEST

START_TEST(retry_and_dead_letter_topics_have_their_own_names)
{
    struct batch *b = batch_new();
    uint32_t normal = add_backlog(b, "normal", 1, 1), retry = add_backlog(b, "retry", 2, 1), dlq = add_backlog(b, "dlq", 3, 1);

    ck_assert(has_sample("rocketmq_group_diff", b, normal));
    ck_assert(!has_sample("rocketmq_group_diff", b, retry));
    ck_assert(!has_sample("rocketmq_group_diff", b, dlq));
    ck_assert(!has_sample("rocketmq_group_retrydiff", b, normal));
    ck_assert(has_sample("rocketmq_group_retrydiff", b, retry));
    ck_assert(!has_sample("rocketmq_group_retrydiff", b, dlq));
    ck_assert(!has_sample("rocketmq_group_dlqdiff", b, normal));
    ck_assert(!has_sample("rocketmq_group_dlqdiff", b, retry));
    ck_assert(has_sample("rocketmq_group_dlqdiff", b, dlq));
    ck_assert(!has_sample("mq_group_lag_messages", b, dlq)); /* dead letters are nobody's backlog */
    batch_unref(b);
}
END_TEST

START_TEST(broadcast_groups_have_no_official_backlog)
{
    struct batch *b = batch_new();
    uint32_t row = add_backlog(b, "normal", 1, 1), retry = add_backlog(b, "retry", 1, 1);

    batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_MODEL_NUMBER, batch_intern_z(b, "0"));
    batch_set_text(b, TABLE_BACKLOGS, retry, BACKLOGS_MODEL_NUMBER, batch_intern_z(b, "0"));
    ck_assert(!has_sample("rocketmq_group_diff", b, row));
    ck_assert(!has_sample("rocketmq_group_retrydiff", b, retry));
    batch_set_text(b, TABLE_BACKLOGS, row, BACKLOGS_MODEL_NUMBER, batch_intern_z(b, "1"));
    ck_assert(has_sample("rocketmq_group_diff", b, row));
    batch_unref(b);
}
END_TEST

START_TEST(whole_numbers_stay_whole_and_scaled_ones_are_scaled)
{
    struct batch *b = batch_new();
    uint32_t row = add_backlog(b, "normal", INT64_MAX, 1), scrape = batch_add(b, TABLE_SCRAPES);
    bool is_int = false;
    int64_t i = 0;
    double d = 0;

    ck_assert(family_sample(family_find("mq_group_lag_messages"), b, row, &is_int, &i, &d));
    ck_assert(is_int);
    ck_assert_int_eq(i, INT64_MAX);
    batch_set_real(b, TABLE_SCRAPES, scrape, SCRAPES_DURATION_MS, 250);
    ck_assert(family_sample(family_find("mq_scrape_duration_seconds"), b, scrape, &is_int, &i, &d));
    ck_assert(!is_int);
    ck_assert_double_eq_tol(d, 0.25, 1e-12);
    batch_unref(b);
}
END_TEST

START_TEST(runtime_names_are_of_masters_that_told_their_runtime)
{
    struct batch *b = batch_new();

    for (int i = 0; i < 3; i++) { /* a master, a slave, a master that only its name server knows */
        uint32_t row = batch_add(b, TABLE_BROKERS);
        batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER_ID, batch_intern_z(b, i == 1 ? "1" : "0"));
        batch_set_int(b, TABLE_BROKERS, row, BROKERS_COMMIT_LOG_MAX_OFFSET, 5);
        if (i < 2)
            batch_set_text(b, TABLE_BROKERS, row, BROKERS_BROKER_VERSION_DESC, batch_intern_z(b, "V5_3_2"));
        ck_assert(has_sample("rocketmq_brokeruntime_commitlog_maxoffset", b, row) == (i == 0));
    }
    batch_unref(b);
}
END_TEST

START_TEST(counting_samples_and_taking_them_agree)
{
    struct batch *b = batch_new();
    uint64_t seed = unit_seed(), state = seed;
    static const char *const words[] = { "normal", "retry", "dlq", "collect", "0", "1", "" };

    for (int t = 0; t < TABLE_COUNT; t++)
        for (int n = 0; n < 50; n++) {
            uint32_t row = batch_add(b, (enum table_id)t);
            for (unsigned c = 0; c < schema_tables[t].column_count; c++) {
                enum column_kind kind = schema_tables[t].columns[c].kind;
                if (unit_random(&state) % 4 == 0)
                    continue;
                if (kind == COLUMN_INT)
                    batch_set_int(b, (enum table_id)t, row, c, (int64_t)(unit_random(&state) % 3));
                else if (kind == COLUMN_REAL)
                    batch_set_real(b, (enum table_id)t, row, c, (double)(unit_random(&state) % 3));
                else
                    batch_set_text(b, (enum table_id)t, row, c, batch_intern_z(b, words[unit_random(&state) % 7]));
            }
        }
    for (unsigned i = 0; i < family_count; i++) {
        uint32_t taken = 0;
        for (uint32_t row = 0; row < batch_rows(b, families[i].table); row++)
            taken += has_sample(families[i].name, b, row);
        ck_assert_msg(family_samples(&families[i], b) == taken, "%s, seed %" PRIu64, families[i].name, seed);
    }
    batch_unref(b);
}
END_TEST

/* Choosing ----------------------------------------------------------------------------------------------------------------- */

static unsigned selected(const char *patterns, bool *wanted)
{
    struct err err = { 0 };
    unsigned count = 0;

    ck_assert_msg(family_select(patterns, wanted, &err) == 0, "\"%s\": %s", patterns, err.msg);
    for (unsigned i = 0; i < family_count; i++)
        count += wanted[i];
    return count;
}

static unsigned named(const char *prefix)
{
    unsigned count = 0;

    for (unsigned i = 0; i < family_count; i++)
        count += strncmp(families[i].name, prefix, strlen(prefix)) == 0;
    return count;
}

START_TEST(patterns_choose_and_the_last_that_fits_wins)
{
    bool wanted[MAX_FAMILIES];

    ck_assert_uint_lt(family_count, MAX_FAMILIES);
    ck_assert_uint_eq(selected("*", wanted), family_count);
    ck_assert_uint_eq(selected("", wanted), 0);
    ck_assert_uint_eq(selected("mq_broker_up", wanted), 1);
    ck_assert(wanted[index_of("mq_broker_up")]);
    ck_assert_uint_eq(selected("rocketmq_*", wanted), named("rocketmq_"));
    ck_assert_uint_eq(selected("rocketmq_* mqpush_*", wanted), named("rocketmq_") + named("mqpush_"));
    ck_assert_uint_eq(selected("  rocketmq_*,\tmqpush_* ", wanted), named("rocketmq_") + named("mqpush_"));
    ck_assert_uint_eq(selected("* !rocketmq_*", wanted), family_count - named("rocketmq_"));
    ck_assert_uint_eq(selected("* !rocketmq_* rocketmq_group_diff", wanted), family_count - named("rocketmq_") + 1);
    ck_assert_uint_eq(selected("rocketmq_group_diff * !*", wanted), 0);
    ck_assert_uint_eq(selected("!mq_broker_up", wanted), 0); /* nothing was there to take from */
    ck_assert_uint_eq(selected("mq_broker_[tu]p mq_broker_u?", wanted), 1);
}
END_TEST

static const char *const strangers[] = { "nope", "rocketmq", "mq_broker_up,nope", "* !nope", "!", "MQ_BROKER_UP", "mq_broker_u",
                                         "*x*y*z*" };

START_TEST(a_pattern_that_fits_nothing_is_a_mistake)
{
    bool wanted[MAX_FAMILIES];
    struct err err = { 0 };

    ck_assert_msg(family_select(strangers[_i], wanted, &err) == -1, "\"%s\" taken", strangers[_i]);
    ck_assert_int_eq(err.kind, ERR_CONFIG);
    const char *bad = strrchr(strangers[_i], ' ') != NULL ? strrchr(strangers[_i], ' ') + 1
                      : strchr(strangers[_i], ',') != NULL ? strchr(strangers[_i], ',') + 1 : strangers[_i];
    ck_assert_msg(strstr(err.msg, bad) != NULL, "\"%s\": %s", strangers[_i], err.msg);
}
END_TEST

START_TEST(a_pattern_may_be_long_but_not_endless)
{
    bool wanted[MAX_FAMILIES];
    struct err err = { 0 };
    char pattern[202];

    memset(pattern, '*', sizeof(pattern));
    pattern[199] = '\0';
    ck_assert_int_eq(family_select(pattern, wanted, &err), 0);
    pattern[199] = '*';
    pattern[200] = '\0';
    ck_assert_int_eq(family_select(pattern, wanted, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "limit is 199"));
}
END_TEST

/* Limiting ------------------------------------------------------------------------------------------------------------------ */

/* 100 queues (detail 3), 10 backlogs (2), 2 groups (1), 1 broker (0). */
static struct batch *make_detailed(void)
{
    struct batch *b = batch_new();

    for (int i = 0; i < 100; i++)
        batch_set_int(b, TABLE_QUEUES, batch_add(b, TABLE_QUEUES), QUEUES_LAG, 1);
    for (int i = 0; i < 10; i++)
        batch_set_int(b, TABLE_BACKLOGS, add_backlog(b, "normal", 1, 1), BACKLOGS_INFLIGHT, i < 9 ? 1 : NO_INT);
    for (int i = 0; i < 2; i++)
        batch_set_int(b, TABLE_GROUPS, batch_add(b, TABLE_GROUPS), GROUPS_MEMBERS, 1);
    batch_set_int(b, TABLE_BROKERS, batch_add(b, TABLE_BROKERS), BROKERS_UP, 1);
    return b;
}

static const char detailed_names[] =
    "mq_queue_lag_messages mq_group_lag_messages mq_group_inflight_messages mq_consumer_group_members mq_broker_up";

struct limit_case {
    uint64_t max, cut;
    const char *first, *left; /* left: by detail, the most detailed first; 1 is still there */
};

static const struct limit_case limits[] = {
    { 0, 0, NULL, "11111" },    /* no limit */
    { 1000, 0, NULL, "11111" },
    { 122, 0, NULL, "11111" },  /* exactly as many as there are */
    { 121, 100, "mq_queue_lag_messages", "01111" },
    { 22, 100, "mq_queue_lag_messages", "01111" },
    { 21, 110, "mq_queue_lag_messages", "00111" }, /* of two equally detailed ones the larger */
    { 12, 110, "mq_queue_lag_messages", "00111" },
    { 11, 119, "mq_queue_lag_messages", "00011" },
    { 3, 119, "mq_queue_lag_messages", "00011" },
    { 2, 121, "mq_queue_lag_messages", "00001" },
    { 1, 121, "mq_queue_lag_messages", "00001" },
};

START_TEST(a_limit_cuts_the_most_detailed_first_and_whole_families)
{
    const struct limit_case *c = &limits[_i];
    struct batch *b = make_detailed();
    bool wanted[MAX_FAMILIES];
    const char *first = NULL;
    char names[sizeof(detailed_names)], *rest = NULL;
    uint64_t left = 0;

    ck_assert_uint_eq(selected(detailed_names, wanted), 5);
    uint64_t cut = family_limit(b, wanted, c->max, &first);
    ck_assert_msg(cut == c->cut, "limit %" PRIu64 " cuts %" PRIu64, c->max, cut);
    ck_assert_msg((first == NULL) == (c->first == NULL) && (first == NULL || strcmp(first, c->first) == 0),
                  "limit %" PRIu64 ": %s", c->max, first != NULL ? first : "none");
    memcpy(names, detailed_names, sizeof(names));
    const char *expected = c->left;
    for (char *name = strtok_r(names, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest), expected++)
        ck_assert_msg(wanted[index_of(name)] == (*expected == '1'), "limit %" PRIu64 ": %s", c->max, name);
    for (unsigned i = 0; i < family_count; i++)
        left += wanted[i] ? family_samples(&families[i], b) : 0;
    ck_assert_uint_eq(left + cut, 122);
    ck_assert(c->max == 0 || left <= c->max);
    batch_unref(b);
}
END_TEST

START_TEST(a_limit_counts_only_what_is_wanted)
{
    struct batch *b = make_detailed();
    bool wanted[MAX_FAMILIES];

    selected("mq_broker_up mq_group_lag_messages", wanted);
    ck_assert_uint_eq(family_limit(b, wanted, 11, NULL), 0);
    ck_assert_uint_eq(family_limit(b, wanted, 10, NULL), 10);
    ck_assert(wanted[index_of("mq_broker_up")]);
    batch_unref(b);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static Suite *suite(void)
{
    Suite *s = suite_create("family");
    TCase *c = unit_case(s, "family");

    tcase_add_test(c, a_family_names_columns_that_exist_and_fit);
    tcase_add_test(c, names_are_legal_and_stand_once);
    tcase_add_test(c, label_names_are_legal_and_stand_once_in_a_family);
    tcase_add_test(c, a_family_is_described);
    tcase_add_test(c, our_names_say_what_they_are);
    tcase_add_test(c, the_labels_of_our_names_tell_all_rows_apart);
    tcase_add_test(c, the_names_of_both_exporters_are_ours_with_exactly_their_labels);
    tcase_add_test(c, unknown_has_no_sample_and_zero_has_one);
    tcase_add_test(c, a_sum_that_misses_a_part_is_left_out_under_its_official_name);
    tcase_add_test(c, retry_and_dead_letter_topics_have_their_own_names);
    tcase_add_test(c, broadcast_groups_have_no_official_backlog);
    tcase_add_test(c, whole_numbers_stay_whole_and_scaled_ones_are_scaled);
    tcase_add_test(c, runtime_names_are_of_masters_that_told_their_runtime);
    tcase_add_test(c, counting_samples_and_taking_them_agree);
    tcase_add_test(c, patterns_choose_and_the_last_that_fits_wins);
    tcase_add_loop_test(c, a_pattern_that_fits_nothing_is_a_mistake, 0, COUNT(strangers));
    tcase_add_test(c, a_pattern_may_be_long_but_not_endless);
    tcase_add_loop_test(c, a_limit_cuts_the_most_detailed_first_and_whole_families, 0, COUNT(limits));
    tcase_add_test(c, a_limit_counts_only_what_is_wanted);
    return s;
}

int main(void)
{
    return unit_main(suite());
}
