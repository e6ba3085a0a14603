import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import com.alibaba.fastjson.JSON;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/*
 * Oracle.java - prints, as one JSON object, what the official Java admin client sees in a cluster.
 *
 *     Oracle NAMESRV
 *
 * Tests compare mqpush with this, so nothing is computed here that the Java side does not compute: negative diffs,
 * offset 0 where nothing was ever committed, everything as the tools show it. "committed" alone tells the difference:
 * it is the broker's own table (request 43), where a queue without an offset has no row. Masters are asked; a slave only
 * when its master is away. "runtime" covers every address. What could not be asked is a line in "errors".
 * Offsets of a live cluster move between two answers; compare a frozen one, or allow for the traffic.
 */
public final class Oracle {
    static final long WAIT_MS = 10000;
    static final int MANY_GROUPS = 2000;        // each question about a group walks the broker's whole offset table
    static final int MANY_SPANS = 5000;
    static final int KNOWS_PRODUCERS = 401;     // 4.9.4; older ones let us wait

    final DefaultMQAdminExt admin;
    final MQClientAPIImpl api;
    final Map<String, String> brokers;
    final Map<String, Long> diffs = new TreeMap<>();
    final TreeSet<String> dated = new TreeSet<>();          // group\0topic that may have a time lag
    final List<String> errors = new ArrayList<>();
    final TreeSet<String> pairs = new TreeSet<>();          // topic@group with committed offsets
    final StringBuilder out = new StringBuilder(1 << 20);

    Oracle(String namesrv) throws Exception {
        admin = Lab.admin(namesrv);
        api = Lab.api(admin);
        brokers = Lab.brokers(admin);
    }

    public static void main(String[] args) throws Exception {
        Lab.endAfter(Long.getLong("lab.life", 600));
        Oracle o = new Oracle(args[0]);
        o.print();
        PrintStream ps = new PrintStream(System.out, false, "UTF-8");
        ps.print(o.out);
        ps.flush();
        Runtime.getRuntime().halt(0);
    }

    // ---- JSON, one row a line

    private String table;

    void open(String name) {
        out.append(",\n\"").append(name).append("\":[");
        table = "\n";
    }

    void close() {
        out.append("]");
    }

    /** name, value, name, value... */
    void row(Object... pairs) {
        out.append(table).append('{');
        table = ",\n";
        for (int i = 0; i < pairs.length; i += 2) {
            if (i > 0)
                out.append(',');
            value(pairs[i]);
            out.append(':');
            value(pairs[i + 1]);
        }
        out.append('}');
    }

    void item(Object v) {
        out.append(table);
        table = ",\n";
        value(v);
    }

    void value(Object v) {
        if (v == null || v instanceof Boolean || v instanceof Integer || v instanceof Long) {
            out.append(v);
            return;
        }
        out.append('"');
        for (char c : v.toString().toCharArray()) {
            if (c == '"' || c == '\\')
                out.append('\\').append(c);
            else if (c < 0x20)
                out.append(String.format("\\u%04x", (int) c));
            else
                out.append(c);
        }
        out.append('"');
    }

    // ---- asking

    interface Question {
        void ask() throws Exception;
    }

    void attempt(String what, Question q) {
        try {
            q.ask();
        } catch (Exception e) {
            errors.add(what + ": " + e.getClass().getSimpleName() + ": " + String.valueOf(e.getMessage()).split("\n")[0]);
        }
    }

    static <V> TreeMap<String, V> byQueue(Map<MessageQueue, V> m) {
        TreeMap<String, V> r = new TreeMap<>();
        m.forEach((q, v) -> r.put(String.format("%s\0%s\0%06d", q.getTopic(), q.getBrokerName(), q.getQueueId()), v));
        return r;
    }

    static MessageQueue queueOf(String key) {
        String[] p = key.split("\0");
        return new MessageQueue(p[0], p[1], Integer.parseInt(p[2]));
    }

    void print() throws Exception {
        var info = admin.examineBrokerClusterInfo();
        List<String> names = Lab.serverNames(admin);
        TreeSet<String> topics = new TreeSet<>();
        attempt("topic list", () -> topics.addAll(admin.fetchAllTopicList().getTopicList()));
        TreeSet<String> groups = new TreeSet<>();

        out.append("{\"version\":");
        value(MQVersion.getVersionDesc(MQVersion.CURRENT_VERSION));
        out.append(",\n\"taken_at\":").append(System.currentTimeMillis());

        open("brokers");
        for (var e : new TreeMap<>(info.getBrokerAddrTable()).entrySet())
            for (var a : new TreeMap<>(e.getValue().getBrokerAddrs()).entrySet())
                row("cluster", e.getValue().getCluster(), "broker", e.getKey(), "id", a.getKey(), "address", a.getValue());
        close();

        // First the committed offsets, then the ends: in this order a moving cluster gives no negative differences.
        committed(groups);
        groupsAndTopicConfig(groups);
        topics(topics, names);
        consume(groups);
        totals(groups);
        spans(groups, topics);
        connections(groups);
        running(groups);
        producers();
        rates(topics);
        runtime();

        open("errors");
        errors.forEach(this::item);
        close();
        out.append("}\n");
    }

    void committed(TreeSet<String> groups) {
        open("committed");
        for (var b : brokers.entrySet())
            attempt("committed offsets of " + b.getKey(), () -> {
                var answer = Lab.ask(api, b.getValue(), 43);
                var tables = JSON.parseObject(new String(answer.getBody(), StandardCharsets.UTF_8)).getJSONObject("offsetTable");
                for (var e : new TreeMap<>(tables).entrySet()) {
                    String[] p = e.getKey().split("@");         // topic@group, 5.x also topic@group@broadcast
                    if (p.length == 2) {
                        groups.add(p[1]);
                        dated.add(p[1] + "\0" + p[0]);
                        pairs.add(e.getKey());
                    }
                    TreeMap<Integer, Object> queues = new TreeMap<>();
                    ((Map<?, ?>) e.getValue()).forEach((q, o) -> queues.put(Integer.valueOf(q.toString()), o));
                    queues.forEach((q, o) -> row("group", p[1], "topic", p[0], "broker", b.getKey(), "queue", q, "offset",
                        ((Number) o).longValue(), "broadcast", p.length > 2));
                }
            });
        close();
    }

    void groupsAndTopicConfig(TreeSet<String> groups) {
        TreeSet<String> configured = new TreeSet<>();
        for (var b : brokers.entrySet())
            attempt("groups of " + b.getKey(),
                () -> configured.addAll(api.getAllSubscriptionGroup(b.getValue(), WAIT_MS).getSubscriptionGroupTable().keySet()));
        groups.addAll(configured);
        open("groups");
        configured.forEach(this::item);
        close();
        open("topic_config");
        for (var b : brokers.entrySet())
            attempt("topics of " + b.getKey(), () -> {
                for (var t : new TreeMap<>(api.getAllTopicConfig(b.getValue(), WAIT_MS).getTopicConfigTable()).values())
                    row("topic", t.getTopicName(), "broker", b.getKey(), "read_queues", t.getReadQueueNums(), "write_queues",
                        t.getWriteQueueNums(), "perm", t.getPerm());
            });
        close();
    }

    /** BenchmarkTest has 1,024 queues on every broker and says nothing; the others of the servers' own are kept. */
    void topics(TreeSet<String> topics, List<String> names) {
        open("topics");
        for (String t : topics)
            if (!t.equals("BenchmarkTest"))
                attempt("topic " + t, () -> byQueue(admin.examineTopicStats(t).getOffsetTable()).forEach((k, v) -> {
                    MessageQueue q = queueOf(k);
                    row("topic", t, "broker", q.getBrokerName(), "queue", q.getQueueId(), "min", v.getMinOffset(), "max",
                        v.getMaxOffset(), "last", v.getLastUpdateTimestamp(), "system", Lab.isSystemTopic(t, names));
                }));
        close();
    }

    void consume(TreeSet<String> groups) {
        open("consume");
        for (String g : groups)
            for (var b : brokers.entrySet())
                attempt("consume stats of " + g + " at " + b.getKey(), () -> {
                    var stats = api.getConsumeStats(b.getValue(), g, WAIT_MS);
                    diffs.merge(g, stats.computeTotalDiff(), Long::sum);
                    byQueue(stats.getOffsetTable()).forEach((k, v) -> {
                        MessageQueue q = queueOf(k);
                        row("group", g, "topic", q.getTopic(), "broker", b.getKey(), "queue", q.getQueueId(), "broker_offset",
                            v.getBrokerOffset(), "consumer_offset", v.getConsumerOffset(), "last", v.getLastTimestamp());
                    });
                });
        close();
    }

    /** diff is the sum over the brokers asked one by one; mqadmin is what consumerProgress -g would print, or null. */
    void totals(TreeSet<String> groups) {
        open("totals");
        for (String g : groups) {
            Long official = null;
            String why = null;
            try {
                if (groups.size() > MANY_GROUPS)
                    throw new Exception("not asked, more than " + MANY_GROUPS + " groups");
                official = admin.examineConsumeStats(g).computeTotalDiff();
            } catch (Exception e) {
                why = String.valueOf(e.getMessage()).split("\n")[0];
            }
            row("group", g, "diff", diffs.get(g), "mqadmin", official, "mqadmin_error", why);
        }
        close();
    }

    /** How long each queue has kept its group waiting; retry topics are asked about although nobody may have polled them yet. */
    void spans(TreeSet<String> groups, TreeSet<String> topics) {
        for (String g : groups)
            if (topics.contains("%RETRY%" + g))
                dated.add(g + "\0%RETRY%" + g);
        open("spans");
        if (dated.size() > MANY_SPANS)
            errors.add("spans: not asked, more than " + MANY_SPANS + " pairs");
        else
            for (String pair : dated) {
                String[] p = pair.split("\0");
                if (topics.contains(p[1]))
                    attempt("time span of " + p[0] + " on " + p[1], () -> {
                        for (var s : admin.queryConsumeTimeSpan(p[1], p[0]))
                            row("group", p[0], "topic", p[1], "broker", s.getMessageQueue().getBrokerName(), "queue",
                                s.getMessageQueue().getQueueId(), "delay", s.getDelayTime(), "min_stored", s.getMinTimeStamp(),
                                "asked_at", System.currentTimeMillis());
                    });
            }
        close();
    }

    void connections(TreeSet<String> groups) {
        TreeSet<String> offline = new TreeSet<>();
        open("connections");
        for (String g : groups) {
            boolean[] online = new boolean[1];
            for (var b : brokers.entrySet()) {
                try {
                    var c = api.getConsumerConnectionList(b.getValue(), g, WAIT_MS);
                    online[0] = true;
                    TreeMap<String, Object[]> rows = new TreeMap<>();
                    c.getConnectionSet().forEach(x -> rows.put(x.getClientId() + "\0" + x.getClientAddr(),
                        new Object[] {"group", g, "broker", b.getKey(), "client_id", x.getClientId(), "client_addr", x.getClientAddr(),
                            "language", x.getLanguage(), "version", x.getVersion(), "version_desc", MQVersion.getVersionDesc(x.getVersion()),
                            "model", c.getMessageModel(), "type", c.getConsumeType(), "from", c.getConsumeFromWhere()}));
                    rows.values().forEach(this::row);
                } catch (Exception e) {
                    if (!String.valueOf(e.getMessage()).contains("CODE: 206"))
                        errors.add("connections of " + g + " at " + b.getKey() + ": " + e.getMessage());
                }
            }
            if (!online[0])
                offline.add(g);
        }
        close();
        open("offline_groups");
        offline.forEach(this::item);
        close();
    }

    /** What clients say of themselves (request 307): two processes under one id are asked once, and one of them answers. */
    void running(TreeSet<String> groups) {
        StringBuilder figures = new StringBuilder();
        open("running");
        for (String g : groups) {
            TreeMap<String, String> clients = new TreeMap<>();
            for (var b : brokers.entrySet()) {
                try {
                    api.getConsumerConnectionList(b.getValue(), g, WAIT_MS).getConnectionSet()
                        .forEach(c -> clients.putIfAbsent(c.getClientId(), b.getValue()));
                } catch (Exception e) {
                    continue;           // code 206: nobody; anything else is in connections' errors
                }
            }
            for (var c : clients.entrySet())
                attempt("running info of " + c.getKey() + " in " + g, () -> {
                    var info = api.getConsumerRunningInfo(c.getValue(), g, c.getKey(), false, WAIT_MS);
                    byQueue(info.getMqTable()).forEach((k, v) -> {
                        MessageQueue q = queueOf(k);
                        row("group", g, "client_id", c.getKey(), "topic", q.getTopic(), "broker", q.getBrokerName(), "queue",
                            q.getQueueId(), "dropped", v.isDroped(), "commit_offset", v.getCommitOffset());
                    });
                    info.getStatusTable().forEach((t, s) -> figures.append(String.format("%s\1%s\1%s\1%d\n", g, c.getKey(), t,
                        s.getConsumeFailedMsgs())));
                });
        }
        close();
        open("running_topics");
        for (String line : figures.toString().split("\n")) {
            String[] p = line.split("\1");
            if (p.length == 4)
                row("group", p[0], "client_id", p[1], "topic", p[2], "failed", Long.valueOf(p[3]));
        }
        close();
    }

    void producers() {
        open("producers");
        for (var b : brokers.entrySet())
            attempt("producers at " + b.getKey(), () -> {
                if (MQVersion.CURRENT_VERSION < KNOWS_PRODUCERS)
                    throw new Exception("this version does not know GET_ALL_PRODUCER_INFO");
                var answer = Lab.ask(api, b.getValue(), 328);
                for (var e : JSON.parseObject(new String(answer.getBody(), StandardCharsets.UTF_8)).getJSONObject("data").entrySet())
                    row("broker", b.getKey(), "group", e.getKey(), "clients", ((List<?>) e.getValue()).size());
            });
        close();
    }

    /** Counters of the last minute (request 315); one that the broker does not have has no row. */
    void rates(TreeSet<String> topics) throws Exception {
        open("rates");
        for (var e : new TreeMap<>(admin.examineBrokerClusterInfo().getBrokerAddrTable()).entrySet()) {
            if (!brokers.containsKey(e.getKey()))
                continue;
            for (String name : List.of("BROKER_PUT_NUMS", "BROKER_GET_NUMS"))
                rate(e.getKey(), name, e.getValue().getCluster());
            for (String t : topics)
                for (String name : List.of("TOPIC_PUT_NUMS", "TOPIC_PUT_SIZE"))
                    rate(e.getKey(), name, t);
            for (String pair : pairs)
                for (String name : List.of("GROUP_GET_NUMS", "GROUP_GET_SIZE", "SNDBCK_PUT_NUMS"))
                    rate(e.getKey(), name, pair);
        }
        close();
    }

    void rate(String broker, String name, String key) {
        try {
            var minute = admin.viewBrokerStatsData(brokers.get(broker), name, key).getStatsMinute();
            row("broker", broker, "name", name, "key", key, "tps", String.valueOf(minute.getTps()), "sum", minute.getSum());
        } catch (Exception e) {
            if (!String.valueOf(e.getMessage()).contains("not exist"))
                errors.add(name + " of " + key + " at " + broker + ": " + e.getMessage());
        }
    }

    void runtime() throws Exception {
        open("runtime");
        for (var e : new TreeMap<>(admin.examineBrokerClusterInfo().getBrokerAddrTable()).entrySet())
            for (String addr : new TreeMap<>(e.getValue().getBrokerAddrs()).values())
                attempt("runtime of " + addr, () -> new TreeMap<>(admin.fetchBrokerRuntimeStats(addr).getTable())
                    .forEach((k, v) -> row("broker", e.getKey(), "address", addr, "key", k, "value", v)));
        close();
    }
}
