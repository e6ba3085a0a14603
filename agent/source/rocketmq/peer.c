/* peer.c - see peer.h. */
#include "agent/source/rocketmq/peer.h"

#include "agent/base/clock.h"
#include "agent/base/num.h"

#include <stdio.h>
#include <string.h>

void peer_init(struct peer *peer, struct rpc *rpc, const char *label, const char *address)
{
    *peer = (struct peer){ .target = rpc_target(rpc, label, address) };
    forbidden_init(&peer->forbidden);
}

void peer_fini(struct peer *peer)
{
    rpc_target_free(peer->target);
    forbidden_fini(&peer->forbidden);
    *peer = (struct peer){ .target = NULL };
}

void peer_begin(struct peer *peer)
{
    rpc_target_reset_stats(peer->target);
    peer->refused = 0;
    peer->error = (struct err){ .kind = ERR_NONE };
    peer->note[0] = peer->left_out[0] = '\0';
}

void peer_refused(struct peer *peer, int code, const struct err *err)
{
    if (peer->refused++ > 0)
        return;
    peer->error = *err;
    err_wrap(&peer->error, "%s", rmq_code_name(code));
}

void peer_count_forbidden(struct peer *peer, int64_t look_ns, int64_t rest_ms)
{
    uint32_t rested, count = forbidden_count(&peer->forbidden, look_ns, rest_ms, &rested);
    size_t len;

    if (peer->refused == 0 && rested > 0)
        peer->error = peer->forbidden.first;
    peer->refused += rested;
    if (count < 2 || peer->error.kind != ERR_FORBIDDEN)
        return;
    len = strlen(peer->error.msg);
    snprintf(peer->error.msg + len, sizeof(peer->error.msg) - len, ", and %u more", count - 1);
}

void peer_left_out(struct peer *peer, const char *noun, const struct left_out *what)
{
    size_t len = strlen(peer->left_out);

    if (what->count > 0)
        snprintf(peer->left_out + len, sizeof(peer->left_out) - len, "%s%u %s%s beyond %s", len > 0 ? ", " : "left out: ", what->count,
                 noun, what->count == 1 ? "" : "s", what->limit);
}

/* What went wrong first, and what was left out. */
static struct err trouble_of(const struct peer *peer)
{
    const struct rpc_stats *stats = rpc_target_stats(peer->target);
    struct err err = stats->failed > 0 ? stats->first_error : peer->error;
    size_t len = strlen(err.msg);

    if (err.kind == ERR_NONE)
        err_set(&err, ERR_LIMIT, "%s", peer->left_out);
    else if (peer->left_out[0] != '\0')
        snprintf(err.msg + len, sizeof(err.msg) - len, "; %s", peer->left_out);
    return err;
}

int peer_check(const struct peer *peer, struct err *err)
{
    if (rpc_target_stats(peer->target)->failed == 0 && peer->refused == 0 && peer->left_out[0] == '\0')
        return 0;
    if (err != NULL) {
        *err = trouble_of(peer);
        if (strstr(err->msg, rpc_target_address(peer->target)) == NULL)
            err_wrap(err, "%s", rpc_target_address(peer->target));
    }
    return -1;
}

static void add_to_totals(struct peer *peer, const struct rpc_code_count *count)
{
    unsigned i = 0;

    while (i < peer->total_count && peer->totals[i].code != count->code)
        i++;
    if (i == RPC_CODES_MAX)
        i--; /* shared, as in rpc */
    if (i == peer->total_count) {
        peer->totals[i].code = count->code;
        peer->totals[i].total = peer->totals[i].in_look = 0;
        peer->total_count++;
    }
    peer->totals[i].total += count->sent;
    peer->totals[i].in_look += count->sent;
}

/* A code that was not asked in this look keeps its row: a counter does not go away. */
static void add_request_rows(struct peer *peer, struct batch *b, const uint32_t keys[4])
{
    const struct rpc_stats *stats = rpc_target_stats(peer->target);
    char code[NUM_TEXT_MAX];

    for (unsigned i = 0; i < peer->total_count; i++)
        peer->totals[i].in_look = 0;
    for (unsigned i = 0; i < stats->code_count; i++)
        if (stats->codes[i].sent > 0)
            add_to_totals(peer, &stats->codes[i]);
    for (unsigned i = 0; i < peer->total_count; i++) {
        uint32_t row = batch_add(b, TABLE_REQUESTS);
        for (unsigned k = 0; k < 3; k++)
            batch_set_text(b, TABLE_REQUESTS, row, k, keys[k]);
        batch_set_text(b, TABLE_REQUESTS, row, REQUESTS_TARGET, keys[3]);
        size_t len = num_from_i64(code, peer->totals[i].code);
        batch_set_text(b, TABLE_REQUESTS, row, REQUESTS_CODE, batch_intern(b, code, len));
        batch_set_int(b, TABLE_REQUESTS, row, REQUESTS_TOTAL, (int64_t)peer->totals[i].total);
        batch_set_int(b, TABLE_REQUESTS, row, REQUESTS_IN_INTERVAL, (int64_t)peer->totals[i].in_look);
    }
}

void peer_add_rows(struct peer *peer, struct batch *b, uint32_t source, uint32_t system, uint32_t cluster, const char *kind)
{
    const struct rpc_stats *stats = rpc_target_stats(peer->target);
    const uint32_t keys[4] = { source, system, cluster, batch_intern_z(b, rpc_target_address(peer->target)) };
    struct err err;

    add_request_rows(peer, b, keys);
    if (stats->sent + stats->failed == 0)
        return;
    uint32_t row = batch_add(b, TABLE_SCRAPES);
    for (unsigned k = 0; k < 3; k++)
        batch_set_text(b, TABLE_SCRAPES, row, k, keys[k]);
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_TARGET, keys[3]);
    batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_KIND, batch_intern_z(b, kind));
    bool is_well = peer_check(peer, &err) == 0, ok = is_well || peer->is_forgiving;
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_OK, ok);
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_REQUESTS, (int64_t)stats->sent);
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_FAILED, (int64_t)stats->failed + peer->refused + (peer->left_out[0] != '\0'));
    batch_set_int(b, TABLE_SCRAPES, row, SCRAPES_BYTES, (int64_t)stats->bytes_received);
    batch_set_real(b, TABLE_SCRAPES, row, SCRAPES_DURATION_MS, (double)rpc_stats_duration_ns(stats) / (double)NS_PER_MS);
    if (!ok)
        batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_ERROR, batch_intern_z(b, err_kind_name(err.kind)));
    if (!is_well) {
        batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_DETAIL, batch_intern_z(b, err.msg));
    } else if (peer->note[0] != '\0') {
        batch_set_text(b, TABLE_SCRAPES, row, SCRAPES_DETAIL, batch_intern_z(b, peer->note));
    }
}
