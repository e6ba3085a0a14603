/*
 * err.h - what went wrong, as a kind that steers policy and a sentence for people.
 *
 * A function that can fail for a reason outside of us returns -1 and fills the caller's struct err. The text says what
 * was being done, to whom, what was found and what was expected; each level may put its own context in front
 * (err_wrap). Never put a secret into an err. Any thread; a struct err belongs to the caller's stack.
 */
#ifndef AGENT_BASE_ERR_H
#define AGENT_BASE_ERR_H

enum err_kind {
    ERR_NONE,
    ERR_SYS,      /* the operating system said no; .sys is errno */
    ERR_TIMEOUT,  /* a deadline passed */
    ERR_CLOSED,   /* the peer closed the connection */
    ERR_PROTO,    /* the peer sent something that is not the protocol */
    ERR_REMOTE,   /* the peer answered, and the answer is a refusal */
    ERR_FORBIDDEN, /* the same, because of who we are: a key, a user or a right is missing */
    ERR_BUSY,     /* the same, because it has too much to do */
    ERR_LIMIT,    /* larger, deeper or more than we accept */
    ERR_CONFIG,   /* the user's configuration or arguments */
    ERR_CANCELED, /* we were told to stop */
    ERR_KINDS
};

struct err {
    enum err_kind kind;
    int sys;
    char msg[720];
};

/* Each returns -1, so that "return err_set(...)" reads as one thought. err may be NULL: then only -1 is returned. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_sys(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* ERR_SYS, appends strerror */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* "context: old text" */

/* The kind as the word that stands in the scrapes table: "timeout", "closed", ... ("" for ERR_NONE). */
const char *err_kind_name(enum err_kind kind);

#endif
