/*
 * forbidden.h - what a broker does not let us read: told apart by its words, remembered so that it is not asked each interval.
 *
 * A right may be missing for one topic of ten thousand, so each refusal stands for itself: a request code and what it was asked
 * about (a topic's number, a group's, a pair's; 0: the broker as a whole). It rests for a while, then it is asked again. One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_FORBIDDEN_H
#define AGENT_SOURCE_ROCKETMQ_FORBIDDEN_H

#include "agent/base/intern.h"
#include "agent/source/rocketmq/wire.h"

#include <stdbool.h>
#include <stdint.h>

#define FORBIDDEN_MAX (1u << 18) /* refusals remembered of one broker; more are asked for again each time */

/* What is missing, if this answer is a refusal for want of it: "wrong secret key", "unknown user nobody", "missing right on
 * Topic:T", ...; in text. False: it is none, or another refusal. */
bool forbidden_why(const struct frame *answer, char *text, size_t cap);

struct forbidden {
    struct intern keys;    /* code and number, as bytes */
    int64_t *refused_at_ns; /* by the number of the key; 0: not any more */
    uint32_t room;
    struct err first;      /* of the newest look with a refusal */
    int64_t first_at_ns;
};

void forbidden_init(struct forbidden *f);
void forbidden_fini(struct forbidden *f);
void forbidden_forget(struct forbidden *f); /* everything is asked again */

/* The moments are those at which looks begin: a refusal counts to the look in which it came. */
void forbidden_note(struct forbidden *f, int code, uint32_t what, int64_t look_ns, const struct err *err);
void forbidden_clear(struct forbidden *f, int code, uint32_t what); /* it was answered */
bool forbidden_is_noted(const struct forbidden *f, int code, uint32_t what); /* and was not cleared since, however long ago */
/* Refused in this look, or less than rest_ms before it: not to be asked. */
bool forbidden_holds(const struct forbidden *f, int code, uint32_t what, int64_t look_ns, int64_t rest_ms);
/* How many of them hold and leave something unknown; of these *rested were refused before this look and have not been asked. */
uint32_t forbidden_count(const struct forbidden *f, int64_t look_ns, int64_t rest_ms, uint32_t *rested);

#endif
