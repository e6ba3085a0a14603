/*
 * pushgateway.h - an opened sink, as the files of this folder share it; nobody else includes it.
 */
#ifndef SINKS_PUSHGATEWAY_PUSHGATEWAY_H
#define SINKS_PUSHGATEWAY_PUSHGATEWAY_H

#include "agent/net/http.h"
#include "sinks/pushgateway/group.h"
#include "sinks/sink.h"

struct pushgateway_sink {
    const char *url, *job, *instance, *grouping; /* options, as they stand in the table */
    const char *username, *password, *bearer_token, *headers, *proxy;
    const char *ca_file, *cert_file, *key_file, *key_password;
    int gzip;
    bool verify, delete_on_stop;

    const struct sink_env *env;
    struct http *http;
    struct group group;
    char *path; /* of the group, encoded */
    char *user_agent;
    struct sink_label *body_labels; /* env->labels without those that stand in the path */
    bool gzip_fails; /* the gateway has shown that it cannot */
    bool has_pushed;
};

#endif
