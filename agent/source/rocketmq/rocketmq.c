/*
 * rocketmq.c - the source "rocketmq": looks at one or several clusters behind a list of name servers.
 *
 * A look (collect) is: one name server says which brokers there are (nameservers.c), the fast lane asks each broker for what may have
 * changed (lanes.c), the slow lanes refresh a little of the rest (slow.c), the oldest messages that wait are dated
 * (lanes_timelag.c), what moves is asked for its rates (lanes_rates.c), some clients are asked about themselves
 * (lanes_running.c), and what is then known becomes rows (rows.c). What each message looks like is in PROTOCOL.md. Main thread only.
 */
#include "agent/source/source.h"

#include "agent/base/buf.h"
#include "agent/base/clock.h"
#include "agent/base/xalloc.h"
#include "agent/source/rocketmq/conn_curl.h"
#include "agent/source/rocketmq/lanes.h"
#include "agent/source/rocketmq/memory.h"
#include "agent/source/rocketmq/nameservers.h"
#include "agent/source/rocketmq/rewrite.h"
#include "agent/source/rocketmq/rows.h"
#include "agent/source/rocketmq/sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SINGLE_RUNNING_REQUESTS 1000 /* clients that a single look asks at most */
#define PACE_MIN_MS 1000
#define STALE_AFTER 2 /* times slow_interval */
#define ROWS_TIME_MS 1000 /* of the deadline, at most a tenth, kept for making rows */

struct rocketmq {
    /* Options. */
    const char *namesrv, *address_server, *rewrite, *cluster_names, *access_key, *secret_key, *security_token;
    const char *tls_ca_file, *tls_cert_file, *tls_key_file, *tls_key_password, *proxy;
    int tls, tls_verify;
    bool include_system, byte_rates;
    int64_t request_timeout, max_in_flight, slow_interval, clients_interval, slow_requests, lag_requests, forget_after;
    int64_t running_interval, running_requests;

    char *name;
    int64_t interval_ms;
    struct wire_signer *signer; /* NULL: requests are not signed */
    struct rewrite *addresses;
    struct conn_curl_road *road; /* NULL: plain TCP */
    struct rpc *rpc;
    struct nameservers nameservers;
    struct topology topology;
    uint32_t looks;
    int64_t looked_at_ns; /* when the last look began */
    int64_t slow_at_ns; /* when the slow lanes last ran */
    bool is_next;       /* of a row of single looks: the one before, or an earlier process, has left what it knew */
    int64_t pace_ms;    /* interval that the present look goes by; 0: a single look, everything is due */
};

static const char *const tls_choices[] = { [CONN_TLS_OFF] = "off", [CONN_TLS_TRY] = "try", [CONN_TLS_REQUIRE] = "require", NULL };
static const char *const verify_choices[] = {
    [CONN_VERIFY_FULL] = "full", [CONN_VERIFY_CA] = "ca", [CONN_VERIFY_NONE] = "none", NULL,
};

static const struct option_spec options[] = {
    OPT(OPT_TYPE_STR, struct rocketmq, namesrv, "127.0.0.1:9876",
        "name servers, as mqadmin -n takes them: HOST:PORT, several separated by semicolons, commas or blanks"),
    OPT(OPT_TYPE_URL, struct rocketmq, address_server, "",
        "web server that tells the name servers, in place of namesrv, as Java clients find theirs: http://HOST:PORT, with a path if it is "
        "not " ADDRESS_SERVER_PATH "; asked every two minutes, and when no name server answers"),
    OPT(OPT_TYPE_STR, struct rocketmq, rewrite, "",
        "where brokers are reached whose advertised address cannot be: 10.0.0.1:10911=gw.example:20911 for one, 10.0.0.2=gw2 for a "
        "host with its ports kept; several separated by commas"),
    OPT_CHOICE(struct rocketmq, tls, "off", tls_choices,
               "TLS to name servers and brokers; try: plain TCP to those that do not speak it, which a man in the middle may pretend"),
    OPT_CHOICE(struct rocketmq, tls_verify, "full", verify_choices,
               "what a server's certificate must be; full: signed by who we trust, and for its address; ca: signed by tls_ca_file, for "
               "certificates without the addresses that brokers advertise; none: anything"),
    OPT(OPT_TYPE_STR, struct rocketmq, tls_ca_file, "",
        "PEM file of who may sign the servers' certificates; empty: whom the system trusts"),
    OPT(OPT_TYPE_STR, struct rocketmq, tls_cert_file, "", "PEM file of our own certificate, for servers that ask for one"),
    OPT(OPT_TYPE_STR, struct rocketmq, tls_key_file, "", "PEM file of the key to it; empty: it stands in tls_cert_file"),
    OPT(OPT_TYPE_SECRET, struct rocketmq, tls_key_password, "", "password of that key"),
    OPT(OPT_TYPE_URL, struct rocketmq, proxy, "",
        "proxy on the way to all servers: http://[user:pass@]host:port (CONNECT), https://, socks5:// or socks5h:// (names resolved "
        "there)"),
    OPT(OPT_TYPE_STR, struct rocketmq, cluster_names, "",
        "other names for clusters, for dashboards that know them by these: OLD=NEW, several separated by commas"),
    OPT_RANGE(OPT_TYPE_DURATION, struct rocketmq, request_timeout, "3s", 10, 600000,
              "how long one request may take; the three large ones (all offsets, topics, groups) may take three times as long"),
    OPT_RANGE(OPT_TYPE_INT, struct rocketmq, max_in_flight, "4", 1, RPC_IN_FLIGHT_MAX,
              "requests on their way to one broker at a time; more than 4 buy little and hurt busy brokers"),
    OPT(OPT_TYPE_BOOL, struct rocketmq, include_system, "no",
        "also show the brokers' own consumer groups and producers; their topics are always shown, with kind system"),
    OPT_RANGE(OPT_TYPE_DURATION, struct rocketmq, slow_interval, "5m", 1000, 86400000,
              "how often lists of topics and groups, and queue starts that may have moved, are refreshed"),
    OPT_RANGE(OPT_TYPE_DURATION, struct rocketmq, clients_interval, "1m", 1000, 86400000,
              "how often, at most, a group's clients and a broker's producers are asked for"),
    OPT_RANGE(OPT_TYPE_INT, struct rocketmq, slow_requests, "6", 0, 100000,
              "requests an interval, all brokers together, that may be spent on slow_interval and clients_interval"),
    OPT_RANGE(OPT_TYPE_INT, struct rocketmq, lag_requests, "20", 0, 100000,
              "requests an interval, all brokers together, that may be spent on how old backlogs are; 0: none, ever"),
    OPT(OPT_TYPE_BOOL, struct rocketmq, byte_rates, "yes",
        "ask for bytes a second and messages sent back: two or three requests in half a minute for each topic and group that moves"),
    OPT_RANGE(OPT_TYPE_DURATION, struct rocketmq, running_interval, "1m", 1000, 86400000,
              "how often, at most, a client is asked what it owns and how it does; shown is what is younger than five times that"),
    OPT_RANGE(OPT_TYPE_INT, struct rocketmq, running_requests, "30", 0, 10000,
              "clients an interval, all brokers together, that may be asked so; the broker passes each question on and waits. 0: none. "
              "A single look asks each once, up to 1000"),
    OPT(OPT_TYPE_STR, struct rocketmq, access_key, "",
        "who we are, where brokers ask (ACL 1.0, or the user of auth 2.0); with it every request to a broker is signed"),
    OPT(OPT_TYPE_SECRET, struct rocketmq, secret_key, "", "the secret (or password) that belongs to access_key"),
    OPT(OPT_TYPE_SECRET, struct rocketmq, security_token, "", "a token that goes with temporary keys; most have none"),
    OPT_RANGE(OPT_TYPE_DURATION, struct rocketmq, forget_after, "1h", 1000, 31536000000,
              "how long a broker that no name server lists any more is still expected, and shown as down"),
    { 0 },
};

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int open_nameservers(struct rocketmq *self, struct err *err)
{
    struct address_server *a = NULL;

    if (self->address_server[0] != '\0' &&
        (a = address_server_new(self->address_server, self->proxy, self->request_timeout, err)) == NULL)
        return -1;
    return nameservers_open(&self->nameservers, self->rpc, a, self->namesrv, err);
}

static int check_cluster_names(const struct rocketmq *self, struct err *err)
{
    const char *list = self->cluster_names;
    struct view from, to;
    int found;

    while ((found = name_next_rename(&list, &from, &to, err)) > 0)
        ;
    return found < 0 ? err_wrap(err, "cluster_names") : 0;
}

static int open_road(struct rocketmq *self, struct err *err)
{
    const struct conn_curl_options o = {
        .tls = self->tls, .verify = self->tls_verify, .ca_file = self->tls_ca_file, .cert_file = self->tls_cert_file,
        .key_file = self->tls_key_file, .key_password = self->tls_key_password, .proxy = self->proxy,
    };

    self->addresses = rewrite_new(self->rewrite, err);
    if (self->addresses == NULL || conn_curl_road_new(&o, &self->road, err) < 0)
        return -1;
    const struct rpc_options rpc_options = {
        .connect_timeout_ms = self->request_timeout, .signer = self->signer, .rewrite = self->addresses,
        .transport = self->road == NULL ? NULL : &conn_curl, .transport_ctx = self->road,
    };
    self->rpc = rpc_new(&rpc_options);
    return 0;
}

static int rocketmq_open(void *self_, const struct source_env *env, struct err *err)
{
    struct rocketmq *self = self_;

    self->name = xstrdup(env->name);
    self->interval_ms = env->interval_ms;
    self->signer = sign_new(self->access_key, self->secret_key, self->security_token, err);
    if (self->signer == NULL && err->kind != ERR_NONE)
        return -1;
    return check_cluster_names(self, err) < 0 || open_road(self, err) < 0 ? -1 : open_nameservers(self, err);
}

static void rocketmq_close(void *self_)
{
    struct rocketmq *self = self_;

    topology_fini(&self->topology);
    nameservers_close(&self->nameservers);
    rpc_free(self->rpc);
    sign_free(self->signer);
    conn_curl_road_free(self->road);
    rewrite_free(self->addresses);
    free(self->name);
    self->rpc = NULL;
    self->signer = NULL;
    self->road = NULL;
    self->addresses = NULL;
    self->name = NULL;
}

/* ---- a look ------------------------------------------------------------------------------------------------------ */

static void begin_peers(struct rocketmq *self)
{
    for (struct broker *b = NULL; (b = topology_next(&self->topology, b)) != NULL;)
        for (unsigned m = 0; m < b->member_count; m++) {
            peer_begin(&b->members[m]->peer);
            if (b->members[m]->clients.target != NULL)
                peer_begin(&b->members[m]->clients);
        }
}

/* Nothing was written and nothing was consumed anywhere. */
static bool is_idle(const struct topology *t)
{
    for (struct broker *b = NULL; (b = topology_next(t, b)) != NULL;)
        if (b->leader->is_up && (!b->now.is_still || b->now.offsets_moved))
            return false;
    return true;
}

/* How many intervals' worth of requests have been saved up. */
static unsigned savings(const struct rocketmq *self, unsigned budget)
{
    int64_t looks = self->pace_ms > 0 ? self->slow_interval / self->pace_ms : 1;
    int64_t saved = looks > 1 ? looks * budget : budget;

    return saved > UINT32_MAX ? UINT32_MAX : (unsigned)saved;
}

static void run_slow_lanes(struct rocketmq *self, struct look *look)
{
    if (look->options->interval_ms > 0 && is_idle(look->topology)) {
        bool is_due = (look->started_at_ns - self->slow_at_ns) / NS_PER_MS >= self->slow_interval;
        look->slow_left = is_due ? savings(self, look->slow_left) : 0;
        look->running_left = is_due ? savings(self, look->running_left) : 0;
    }
    if (look->slow_left > 0)
        self->slow_at_ns = look->started_at_ns;
    lanes_slow(look);
}

static void end_broker(const struct look *look, struct broker *b)
{
    struct peer *peer = &b->leader->peer;

    peer_count_forbidden(peer, look->started_at_ns, look->options->slow_interval_ms);
    manners_end(&b->manners, look->started_at_ns, look->options->interval_ms);
    if (peer->note[0] == '\0')
        manners_say(&b->manners, look->started_at_ns, look->options->max_in_flight, peer->note, sizeof(peer->note));
}

static void end_brokers(const struct look *look)
{
    for (struct broker *b = NULL; (b = topology_next(look->topology, b)) != NULL;)
        end_broker(look, b);
}

/* Why the look is not whole: what came first. */
static enum source_result judge(struct rocketmq *self, const struct look *look, struct err *err)
{
    bool any_up = false, all_well = !look->is_over;
    struct err first = look->over;

    if (nameservers_check(&self->nameservers, all_well ? &first : &(struct err){ 0 }) < 0)
        all_well = false;
    for (struct broker *b = NULL; (b = topology_next(&self->topology, b)) != NULL;)
        for (unsigned m = 0; m < b->member_count; m++) {
            any_up |= b->members[m]->is_up;
            if (peer_check(&b->members[m]->peer, all_well ? &first : NULL) < 0)
                all_well = false;
        }
    if (self->topology.broker_count == 0) {
        if (all_well)
            err_set(&first, ERR_REMOTE, "name server %s lists no broker", nameservers_current(&self->nameservers));
        *err = first;
        return SOURCE_NOTHING;
    }
    if (!all_well)
        *err = first;
    return all_well && any_up ? SOURCE_ALL : SOURCE_SOME;
}

/*
 * The interval that a look goes by. A single look that remembers those before it is one of a row, and costs what a look of a row costs.
 * What is remembered from long ago is no news: then everything is due, and no rate of the last minute is worked out from so far back.
 */
static int64_t pace_of(const struct rocketmq *self, int64_t now_ns)
{
    int64_t gap_ms = (now_ns - self->looked_at_ns) / NS_PER_MS;

    if (self->is_next && gap_ms >= STALE_AFTER * self->slow_interval)
        return 0;
    if (self->interval_ms > 0 || !self->is_next)
        return self->interval_ms;
    return gap_ms < PACE_MIN_MS ? PACE_MIN_MS : gap_ms < self->slow_interval ? gap_ms : self->slow_interval;
}

static enum source_result rocketmq_collect(void *self_, struct batch *b, int64_t deadline_ns, int cancel_fd, struct err *err)
{
    struct rocketmq *self = self_;
    int64_t now_ns = clock_now_ns(), spare_ns = (deadline_ns - now_ns) / 10;
    self->pace_ms = pace_of(self, now_ns);
    self->looked_at_ns = now_ns;
    self->is_next = false;
    if (self->looks == 0)
        self->looks = 1; /* "seen, and not in this look" has a number in the first one, too */
    bool is_single = self->pace_ms == 0;
    const struct look_options look_options = {
        .request_timeout_ms = self->request_timeout, .max_in_flight = (unsigned)self->max_in_flight,
        .include_system = self->include_system, .cluster_names = self->cluster_names, .byte_rates = self->byte_rates,
        .interval_ms = self->pace_ms,
        .slow_interval_ms = is_single ? 0 : self->slow_interval,
        .clients_interval_ms = is_single ? 0 : self->clients_interval,
        .running_interval_ms = is_single ? 0 : self->running_interval,
    };
    struct look look = {
        .options = &look_options, .topology = &self->topology, .rpc = self->rpc, .batch = b, .number = ++self->looks,
        .started_at_ns = now_ns, .cancel_fd = cancel_fd,
        .deadline_ns = deadline_ns - (spare_ns < ROWS_TIME_MS * NS_PER_MS ? spare_ns : ROWS_TIME_MS * NS_PER_MS),
        .slow_left = is_single ? UINT32_MAX : (unsigned)self->slow_requests,
        .lag_left = is_single && self->lag_requests > 0 ? UINT32_MAX : (unsigned)self->lag_requests,
        .running_left = is_single && self->running_requests > 0 ? SINGLE_RUNNING_REQUESTS : (unsigned)self->running_requests,
    };

    for (unsigned c = 0; c < self->topology.cluster_count; c++)
        cluster_tidy(self->topology.clusters[c]);
    begin_peers(self);
    nameservers_begin(&self->nameservers, look.deadline_ns, cancel_fd);
    nameservers_discover(&self->nameservers, &look);
    topology_forget(&self->topology, look.started_at_ns, self->forget_after);
    topology_choose_leaders(&self->topology);
    rows_begin(&look, self->name);
    lanes_fast(&look);
    if (!look.is_over)
        run_slow_lanes(self, &look);
    lanes_timelag(&look);
    lanes_rates(&look);
    lanes_running(&look);
    end_brokers(&look);
    rows_end(&look, self->name);
    nameservers_add_rows(&self->nameservers, b, self->name);
    self->is_next = self->interval_ms == 0 && self->topology.broker_count > 0;
    return judge(self, &look, err);
}

/* ---- from one process to the next -------------------------------------------------------------------------------- */

/* Other name servers are another world; what was listed with or without the brokers' own does not fit the other way. The url of an
 * address server may hold a password. */
static char *settings_of(const struct rocketmq *self)
{
    const char *url = self->address_server;

    if (url[0] == '\0')
        return xasprintf("%s %d", self->namesrv, self->include_system);
    return xasprintf("%016llx %d", (unsigned long long)memory_checksum(url, strlen(url)), self->include_system);
}

static struct memory memory_of(struct rocketmq *self, const char *settings)
{
    struct nameservers *n = &self->nameservers;

    return (struct memory){ .settings = settings, .rpc = self->rpc, .topology = &self->topology, .census = &n->census,
                            .namesrvs = n->peers, .namesrv_count = n->count, .namesrv_at = &n->at,
                            .looks = &self->looks, .looked_at_ns = &self->looked_at_ns, .slow_at_ns = &self->slow_at_ns,
                            .census_at_ns = &n->census_at_ns };
}

static struct memory_moment moment_now(void)
{
    struct memory_moment at = { .now_ns = clock_now_ns(), .wall_ms = clock_wall_ms() };

    clock_boot_id(at.boot);
    return at;
}

/* What an address server told stands before the rest, as a line: the rest counts name servers by their places in it. */
static void rocketmq_save(const void *self_, struct buf *out)
{
    const struct rocketmq *self = self_;
    char *settings = settings_of(self);
    struct memory m = memory_of((struct rocketmq *)(uintptr_t)self, settings); /* is only read */
    struct memory_moment at = moment_now();

    if (self->nameservers.list != NULL)
        buf_printf(out, "%s\n", self->nameservers.list);
    if (m.namesrv_count > 0)
        memory_save(&m, &at, out);
    free(settings);
}

/* Takes that line off. */
static int load_list(struct rocketmq *self, const char **data, size_t *len, struct err *err)
{
    char list[ADDRESS_LIST_MAX];
    const char *end = memchr(*data, '\n', *len < sizeof(list) ? *len : sizeof(list));

    if (end == NULL)
        return err_set(err, ERR_PROTO, "no name servers are remembered");
    size_t line = (size_t)(end - *data);
    memcpy(list, *data, line);
    list[line] = '\0';
    *data = end + 1;
    *len -= line + 1;
    return nameservers_remember(&self->nameservers, list, err);
}

static int rocketmq_load(void *self_, const void *data_, size_t len, struct err *err)
{
    struct rocketmq *self = self_;
    const char *data = data_;
    struct memory_moment at = moment_now();

    if (self->address_server[0] != '\0' && load_list(self, &data, &len, err) < 0)
        return -1;
    char *settings = settings_of(self);
    struct memory m = memory_of(self, settings);
    int result = memory_load(&m, &at, data, len, err);
    self->is_next = result == 0 && self->topology.broker_count > 0;
    free(settings);
    return result;
}

/* ---- config check --connect -------------------------------------------------------------------------------------- */

static void on_probe(const struct rpc_answer *answer)
{
    struct err *err = answer->ctx;

    if (rpc_answer_check(answer, err) == 0)
        err->kind = ERR_NONE;
}

/* Whoever is asked, and whether all went well. */
struct probe {
    void (*say)(void *ctx, bool ok, const char *target, const char *detail);
    void *ctx;
    bool all_well;
};

static void tell(struct probe *p, bool ok, const char *target, const char *detail)
{
    p->say(p->ctx, ok, target, detail);
    p->all_well &= ok;
}

static void probe_member(struct rocketmq *self, const struct member *m, int64_t deadline_ns, struct probe *p)
{
    char version[WIRE_VERSION_TEXT], detail[sizeof(((struct err *)0)->msg)];
    struct err err = { .kind = ERR_CANCELED };
    const struct rpc_call call = { .code = RMQ_GET_BROKER_RUNTIME_INFO, .timeout_ms = self->request_timeout,
                                   .done = on_probe, .ctx = &err };

    rpc_submit(m->peer.target, &call);
    rpc_run(self->rpc, deadline_ns, -1, NULL);
    bool ok = err.kind == ERR_NONE;
    if (ok)
        snprintf(detail, sizeof(detail), "%s of cluster %s, id %lld, RocketMQ %s", m->broker->name, m->broker->cluster->name,
                 (long long)m->id, wire_version_text(version, rpc_target_version(m->peer.target)));
    tell(p, ok, rpc_target_address(m->peer.target), ok ? detail : err.msg);
}

static void probe_nameservers(struct rocketmq *self, int64_t deadline_ns, struct probe *p)
{
    struct nameservers *n = &self->nameservers;
    char detail[sizeof(((struct err *)0)->msg)];
    struct err why;

    nameservers_begin(n, deadline_ns, -1);
    if (n->address_server != NULL) {
        bool ok = address_server_check(n->address_server, &why) == 0;
        snprintf(detail, sizeof(detail), "tells %u name server%s", n->count, n->count == 1 ? "" : "s");
        tell(p, ok, address_server_name(n->address_server), ok ? detail : why.msg);
    }
    for (unsigned i = 0; i < n->count; i++) {
        unsigned listed;
        bool ok = nameservers_probe(n, i, &self->topology, self->request_timeout, deadline_ns, &listed, &why) == 0;
        if (ok)
            snprintf(detail, sizeof(detail), "name server, lists %u broker name%s", listed, listed == 1 ? "" : "s");
        tell(p, ok, rpc_target_address(n->peers[i].target), ok ? detail : why.msg);
    }
}

static int rocketmq_probe(void *self_, int64_t deadline_ns, void (*say)(void *ctx, bool ok, const char *target, const char *detail),
                          void *ctx, struct err *err)
{
    struct rocketmq *self = self_;
    struct probe p = { .say = say, .ctx = ctx, .all_well = true };

    begin_peers(self);
    probe_nameservers(self, deadline_ns, &p);
    for (struct broker *b = NULL; (b = topology_next(&self->topology, b)) != NULL;)
        for (unsigned m = 0; m < b->member_count; m++)
            probe_member(self, b->members[m], deadline_ns, &p);
    return p.all_well ? 0 : err_set(err, ERR_REMOTE, "not everything could be reached");
}

const struct source_ops rocketmq_source = {
    .name = "rocketmq",
    .help = "RocketMQ 4.3 and later, over its own remoting protocol",
    .address_option = "namesrv",
    .options = options,
    .size = sizeof(struct rocketmq),
    .open = rocketmq_open,
    .collect = rocketmq_collect,
    .probe = rocketmq_probe,
    .save = rocketmq_save,
    .load = rocketmq_load,
    .close = rocketmq_close,
};
