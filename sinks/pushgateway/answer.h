/*
 * answer.h - what an answer of a Pushgateway, or of whatever stands in its place, means for a push. Pure; any thread.
 */
#ifndef SINKS_PUSHGATEWAY_ANSWER_H
#define SINKS_PUSHGATEWAY_ANSWER_H

#include "agent/base/err.h"
#include "agent/net/http.h"
#include "sinks/sink.h"

/* name: who answered, as http_name says it. err tells what anything but OK means, with the beginning of the answer's text. */
enum sink_result answer_judge(const struct http_answer *answer, const char *name, struct err *err);
/* There was no answer, and http_ask has said why. */
enum sink_result answer_judge_silence(const struct err *err);

/* The gateway is older than 1.5.0 and took compressed bytes for text. */
bool answer_refuses_gzip(const struct http_answer *answer);

#endif
