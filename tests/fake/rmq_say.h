/*
 * rmq_say.h - what a fake broker or name server says, in one short line instead of a JSON body.
 *
 *     say_brokers(ns, "c1/broker-a:0=127.0.0.1:1,1=127.0.0.1:2 c1/broker-b:0=...");
 *     say_topics(b, "T:4 %RETRY%G:1");              21: name:queues
 *     say_groups(b, "G H");                         201
 *     say_offsets(b, "T@G:10,20,x,40", NULL);       43: committed offsets by queue, x: none; then pull offsets, NULL: no such table
 *     say_ends(b, "T:0-100,0-200 D:5-9");           202 and 208: min-max by queue, x: the queue is left out
 *     say_log(b, 5000, 0);                          28: end of the commit log, bytes not dispatched
 *     say_clients(b, "G", "id1@1 id2@2", "CLUSTERING");  203; NULL: nobody is online (206)
 *     say_spans(b, "T", "126,0,x,1795000000001/1794999999000");   303: delayTime/minTimeStamp (default -1) by queue, x: left out
 *     say_producers(b, "PG:id1,id2");               328
 *     say_stats(b, "TOPIC_PUT_SIZE", "T", 120.5, 7230);  315: a second and in the last minute; what is not said does not exist
 *
 * Each is a standing reply and takes the place of what was said before.
 */
#ifndef TESTS_FAKE_RMQ_SAY_H
#define TESTS_FAKE_RMQ_SAY_H

#include "tests/fake/broker.h"

#include <stdint.h>

void say_brokers(struct broker *ns, const char *spec);
void say_topics(struct broker *b, const char *spec);
void say_groups(struct broker *b, const char *spec);
void say_offsets(struct broker *b, const char *committed, const char *pulled);
void say_ends(struct broker *b, const char *spec);
void say_log(struct broker *b, int64_t log_max, int64_t behind);
void say_log_from(struct broker *b, int64_t log_min, int64_t log_max, int64_t behind, int64_t booted_at);
/* The same with delay levels: "3:8,11 4:0,5" is level 3, 8 delivered of 11. */
void say_log_delays(struct broker *b, int64_t log_max, const char *delays);
/* The same with the count of messages stored since boot. */
void say_puts(struct broker *b, int64_t log_max, int64_t behind, int64_t puts);
void say_clients(struct broker *b, const char *group, const char *ids, const char *model);
void say_spans(struct broker *b, const char *topic, const char *spans);
void say_producers(struct broker *b, const char *spec);
void say_stats(struct broker *b, const char *name, const char *key, double tps, int64_t sum);
void say_no_stats(struct broker *b);
/* This request is refused from now on. */
void say_no(struct broker *b, int request, int code, const char *remark);

#endif
