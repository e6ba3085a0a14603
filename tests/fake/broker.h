/*
 * broker.h - a broker (or name server) that says what the test tells it to, right or wrong.
 *
 * It listens on 127.0.0.1, port 0, in a thread of the test. A test reads like the conversation:
 *
 *     struct broker *b = broker_start();
 *     broker_expect(b, RMQ_GET_TOPIC_STATS_INFO);          // a step: this request, once ...
 *     broker_when(b, "topic", "TopicA");                   // ... if it has this ext field
 *     broker_reply_body(b, "{\"offsetTable\":{}}");        // ... is answered with code 0 and this body,
 *     broker_split(b, 7);                                  // ... seven bytes at a time
 *     broker_always(b, RMQ_GET_BROKER_RUNTIME_INFO);       // a standing reply: as often as it is asked
 *     broker_reply_body(b, "{\"table\":{}}");
 *     ... ask broker_address(b) ...
 *     ck_assert_int_eq(broker_unmet(b), 0);                // every step has been used
 *     ck_assert_int_eq(broker_requests(b, RMQ_GET_TOPIC_STATS_INFO), 1);
 *     broker_stop(b);
 *
 * A request takes the first unused step with its code (and fitting ext), else the last standing reply that fits, else it
 * is answered with code 3 as a real broker does. Verbs marked [reply] shape the step or standing reply opened last; before
 * the first of them they shape every reply of the broker that is opened later. All verbs may be called at any time from
 * any thread; a reply takes effect for requests that arrive after its verbs.
 */
#ifndef TESTS_FAKE_BROKER_H
#define TESTS_FAKE_BROKER_H

#include <stddef.h>
#include <stdint.h>

struct broker;

/* Life. Failures of the fake itself abort with a sentence. */
struct broker *broker_start(void);
void broker_stop(struct broker *b); /* NULL is fine */
const char *broker_address(const struct broker *b); /* "127.0.0.1:34567", valid until broker_stop */
/* An address at which nobody listens. */
const char *broker_dead_address(char text[32]);

/* Opening a reply. */
void broker_expect(struct broker *b, int code);
void broker_always(struct broker *b, int code);

/* [reply] What is said. Default: code 0, no body, no ext. */
void broker_when(struct broker *b, const char *ext_key, const char *ext_value); /* up to 2, both must fit */
void broker_reply_body(struct broker *b, const char *body);
void broker_reply_bytes(struct broker *b, const void *body, size_t len);
void broker_reply_file(struct broker *b, const char *path);
void broker_reply_code(struct broker *b, int code, const char *remark); /* remark may be NULL */
void broker_reply_ext(struct broker *b, const char *key, const char *value); /* up to 8 */
void broker_reply_version(struct broker *b, int ordinal);                /* default 407, 4.9.7 */

/* [reply] How it is said. */
void broker_split(struct broker *b, size_t bytes); /* in pieces of so many bytes; 0: in one */
void broker_binary_headers(struct broker *b);
void broker_wrong_id(struct broker *b);   /* an opaque nobody asked with, and nothing else */
void broker_ask_first(struct broker *b);  /* a request of the broker to the client before the answer, with the same opaque */
void broker_stall(struct broker *b);      /* says nothing; the connection stays */
void broker_close(struct broker *b, size_t after_bytes); /* so many bytes of the answer, then closes */
void broker_reset(struct broker *b);      /* closes with a TCP reset */
void broker_garbage(struct broker *b);    /* bytes that are no frame */
void broker_http(struct broker *b);       /* HTTP/1.1 400 and closes, as a web server does with our first frame */
void broker_grpc(struct broker *b);       /* what the gRPC port of a 5.5.0 proxy says to our first frame, and closes */
void broker_tls(struct broker *b);        /* a TLS alert and closes */
void broker_oversize(struct broker *b, uint32_t length); /* a length field with this value, then the answer */

/* The whole broker. */
void broker_out_of_order(struct broker *b, unsigned count); /* gathers so many answers, then sends the last one first */
void broker_hang_up(struct broker *b);     /* from now on: accepts and closes at once */
void broker_drop_all(struct broker *b);    /* closes every connection; returns when they are closed */

/* What happened. */
int broker_requests(struct broker *b, int code);    /* requests with this code; -1: of all codes */
int broker_connections(struct broker *b);           /* accepted so far */
int broker_unmet(struct broker *b);                 /* steps nobody used */
unsigned broker_most_waiting(struct broker *b);     /* most requests that one read of a connection brought */
/* Waits (at most 10 s) until so many requests with this code (-1: any) have arrived. 0, or -1 if they have not. */
int broker_wait_requests(struct broker *b, int code, int count);
/* The ext field of the last request with this code; NULL if there was none. Valid until the next call. */
const char *broker_saw(struct broker *b, int code, const char *ext_key);
/* Two ext fields of every request with this code, in the order they came, a line each. Caller frees. */
char *broker_saw_all(struct broker *b, int code, const char *ext_key, const char *ext_key2);

#endif
