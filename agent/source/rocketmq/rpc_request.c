/*
 * rpc_request.c - requests: from rpc_submit() to their callback; see rpc_parts.h.
 *
 * A request is encoded when it is submitted, so its fields need not outlive the call and sending it again is only copying
 * bytes. It ends in one place, rpc_finish(), which calls back and frees: that is why a callback comes exactly once.
 */
#include "agent/source/rocketmq/rpc_parts.h"

#include "agent/base/clock.h"
#include "agent/base/xalloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- queues ----------------------------------------------------------------------------------------------------- */

void rpc_push_back(struct queue *q, struct request *r)
{
    r->next = NULL;
    if (q->last != NULL)
        q->last->next = r;
    else
        q->first = r;
    q->last = r;
    q->count++;
}

struct request *rpc_pop_front(struct queue *q)
{
    struct request *r = q->first;

    if (r == NULL)
        return NULL;
    q->first = r->next;
    if (q->first == NULL)
        q->last = NULL;
    q->count--;
    return r;
}

void rpc_take_out(struct queue *q, struct request *r)
{
    struct request *before = NULL;

    for (struct request *i = q->first; i != r; i = i->next)
        before = i;
    if (before == NULL) {
        rpc_pop_front(q);
        return;
    }
    before->next = r->next;
    if (q->last == r)
        q->last = before;
    q->count--;
}

void rpc_put_before(struct queue *to, struct queue *from)
{
    if (from->first == NULL)
        return;
    from->last->next = to->first;
    if (to->last == NULL)
        to->last = from->last;
    to->first = from->first;
    to->count += from->count;
    *from = (struct queue){ 0 };
}

/* ---- counting and calling back ---------------------------------------------------------------------------------- */

struct rpc_code_count *rpc_count_of(struct rpc_stats *s, int code)
{
    for (unsigned i = 0; i < s->code_count; i++)
        if (s->codes[i].code == code)
            return &s->codes[i];
    if (s->code_count == RPC_CODES_MAX)
        return &s->codes[RPC_CODES_MAX - 1];
    s->codes[s->code_count].code = code;
    return &s->codes[s->code_count++];
}

void rpc_remember_error(struct rpc_target *t, const struct err *err)
{
    if (t->stats.first_error.kind == ERR_NONE)
        t->stats.first_error = *err;
    t->stats.last_error = *err;
}

void rpc_finish(struct rpc_target *t, struct request *r, const struct frame *frame, const struct err *err)
{
    struct rpc_answer answer = {
        .target = t, .code = r->call.code, .ctx = r->call.ctx, .arg = r->call.arg, .frame = frame, .err = err,
        .took_ns = r->was_sent ? clock_now_ns() - r->sent_at_ns : 0,
    };

    r->call.done(&answer);
    free(r->refused);
    free(r);
}

void rpc_fail_request(struct rpc_target *t, struct request *r, const struct err *err)
{
    t->stats.failed++;
    rpc_count_of(&t->stats, r->call.code)->failed++;
    rpc_finish(t, r, NULL, err);
}

void rpc_fail_all(struct rpc_target *t, const struct err *err)
{
    struct queue doomed = t->waiting;
    struct err copy = *err; /* err may be t->down */

    t->waiting = (struct queue){ 0 };
    rpc_put_before(&doomed, &t->flying);
    for (struct request *r; (r = rpc_pop_front(&doomed)) != NULL;)
        rpc_fail_request(t, r, &copy);
}

/* ---- time ------------------------------------------------------------------------------------------------------- */

static void describe_timeout(const struct rpc_target *t, const struct request *r, struct err *err)
{
    ptrdiff_t size = wire_size(t->in, t->in_len, t->rpc->options.frame_max, NULL);
    const char *name = rmq_code_name(r->call.code);
    double seconds = (double)r->call.timeout_ms / 1000;

    if (size > 0)
        err_set(err, ERR_TIMEOUT, "%s: answer to %s (%d) not complete within %g s (%zu of %td bytes)", t->name, name,
                r->call.code, seconds, t->in_len, size);
    else if (t->in_len > 0)
        err_set(err, ERR_TIMEOUT, "%s: answer to %s (%d) not complete within %g s (%zu bytes)", t->name, name, r->call.code, seconds,
                t->in_len);
    else
        err_set(err, ERR_TIMEOUT, "%s: no answer to %s (%d) within %g s", t->name, name, r->call.code, seconds);
}

void rpc_expire(struct rpc_target *t)
{
    int64_t now = clock_now_ns();
    struct err err;

    for (struct request *r = t->flying.first, *next; r != NULL; r = next) {
        next = r->next;
        if (r->deadline_ns > now)
            continue;
        describe_timeout(t, r, &err);
        if (t->answered_at_ns <= r->sent_at_ns) {
            t->may_reopen = false;
            rpc_connection_lost(t, &err);
            return;
        }
        rpc_remember_error(t, &err);
        rpc_take_out(&t->flying, r);
        rpc_fail_request(t, r, &err);
    }
}

/* ---- submitting ------------------------------------------------------------------------------------------------- */

static int32_t next_opaque(struct rpc_target *t)
{
    t->last_opaque = t->last_opaque == INT32_MAX ? 1 : t->last_opaque + 1;
    return t->last_opaque;
}

void rpc_submit(struct rpc_target *t, const struct rpc_call *call)
{
    struct buf *to = &t->rpc->scratch;
    struct wire_request wire = {
        .code = call->code, .opaque = next_opaque(t), .fields = call->fields, .field_count = call->field_count,
        .body = call->body, .signer = t->signer,
    };
    struct err err, *refused = NULL;

    assert(call->done != NULL);
    buf_reset(to);
    if (wire_encode(to, &wire, &err) < 0) {
        err_wrap(&err, "%s: %s (%d)", t->name, rmq_code_name(call->code), call->code);
        refused = xmalloc(sizeof(*refused));
        *refused = err;
    }
    struct request *r = xmalloc(sizeof(*r) + to->len);
    *r = (struct request){ .call = *call, .opaque = wire.opaque, .refused = refused, .size = to->len };
    r->call.fields = NULL;
    r->call.body = (struct view){ 0 };
    if (r->call.timeout_ms <= 0)
        r->call.timeout_ms = RPC_REQUEST_TIMEOUT_MS;
    if (to->len > 0)
        memcpy(r->bytes, to->data, to->len);
    rpc_push_back(&t->waiting, r);
}
