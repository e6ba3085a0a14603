import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONObject;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/*
 * Scene.java - a small shop that lives: what an operator meets, at some thirty messages a second.
 *
 *     Scene main|member|admin-setup NAMESRV DIR
 *
 *     group            topic      what it shows
 *     order-service    orders     healthy, one member in each of the two processes
 *     payment-service  payments   consumed a hundred messages, then stopped: backlog grows, nobody online
 *     settlement       payments   online, slower than the producer
 *     fraud-check      payments   online, stuck since its twentieth message
 *     audit-writer     audit      each message fails twice: retries, then dead letters
 *     notice-board     notices    broadcast, both processes under the same client id (as Java clients do by default)
 *     idle-watch       inventory  online, nothing to do
 *     report-job       payments   offline, offsets for queues 0 and 1 only
 *     warehouse-sync   inventory  offline, offset of queue 0 a thousand beyond the end
 *     old-mailer       notices    group deleted, its offsets left behind
 *     legacy-import    retired-feed   topic deleted (4.x keeps the offsets, 5.x drops them)
 *     odd|group%one    T_odd|pipe%percent   names that want escaping; offline, three messages behind
 *
 * Talks to lab.sh through files in DIR: the files `hold` and `freeze` are orders, `<role>.state` is the answer:
 * running, full (all of the above can be seen), held, frozen, failed. hold stops traffic and work, everyone stays
 * online; freeze ends the clients. Both answers come only once nothing has moved for a while, and leave summary.txt.
 */
public final class Scene {
    static final int PAYMENTS_BEFORE_STOP = 100;
    static final int STUCK_AFTER = 20;

    final String role;
    final String namesrv;
    final Path dir;
    final List<DefaultMQPushConsumer> consumers = new ArrayList<>();
    final AtomicInteger paymentsSeen = new AtomicInteger();
    final AtomicInteger fraudSeen = new AtomicInteger();
    volatile boolean held;
    volatile boolean producing = true;
    DefaultMQPushConsumer paymentService;
    DefaultMQPushConsumer auditWriter;
    DefaultMQProducer producer;
    DefaultMQAdminExt admin;
    MQClientAPIImpl api;
    Map<String, String> brokers;
    String first;                       // the broker that carries the special states

    Scene(String role, String namesrv, Path dir) {
        this.role = role;
        this.namesrv = namesrv;
        this.dir = dir;
    }

    public static void main(String[] args) throws Exception {
        Lab.endAfter(Long.getLong("lab.life", 900));
        System.setProperty("rocketmq.client.rebalance.waitInterval", "2000");     // 20 s is too long for a demo
        System.setProperty("rocketmq.client.localOffsetStoreDir", args[2] + "/offsets-" + args[0]);
        Scene s = new Scene(args[0], args[1], Path.of(args[2]));
        try {
            if (args[0].equals("member"))
                s.runMember();
            else
                s.runMain(args[0].equals("admin-setup"));
            Runtime.getRuntime().halt(0);       // the stuck listener would keep the process
        } catch (Throwable e) {
            e.printStackTrace();
            s.state("failed");
            Runtime.getRuntime().halt(1);
        }
    }

    // ---- the two processes

    void runMember() throws Exception {
        for (int i = 0; i < 600 && !is("ready"); i++)
            Lab.pause(100);
        startShared();
        state("running");
        while (!is("freeze"))
            Lab.pause(200);
        Lab.pause(2000);                        // let what was sent arrive
        consumers.forEach(DefaultMQPushConsumer::shutdown);
        state("frozen");
    }

    void runMain(boolean setupOnly) throws Exception {
        admin = Lab.admin(namesrv);
        api = Lab.api(admin);
        brokers = Lab.brokers(admin);
        first = brokers.keySet().iterator().next();
        producer = new DefaultMQProducer("shop-frontend");
        producer.setNamesrvAddr(namesrv);
        producer.setClientIP(Lab.LOOPBACK);
        producer.setInstanceName("frontend");
        producer.setVipChannelEnabled(false);
        producer.setRetryTimesWhenSendFailed(0);
        producer.start();
        setup();
        Files.writeString(dir.resolve("ready"), "");
        if (setupOnly)
            return;
        startShared();
        startBackOffice();
        Thread p = new Thread(this::produce, "scene-producer");
        p.start();
        state("running");

        boolean full = false;
        boolean heldSaid = false;
        for (int round = 0; !is("freeze"); round++) {
            if (paymentService != null && paymentsSeen.get() >= PAYMENTS_BEFORE_STOP) {
                paymentService.shutdown();
                paymentService = null;
            }
            held = is("hold");
            if (held && !heldSaid) {
                settle();
                summarize();
                state("held");
                heldSaid = true;
            } else if (!held && heldSaid) {
                heldSaid = false;
                state(full ? "full" : "running");
            } else if (!full && round % 5 == 4 && paymentService == null && isFull()) {
                full = true;
                state("full");
            }
            Lab.pause(200);
        }

        producing = false;
        p.join(5000);
        // Failures that are still under way when their consumer leaves: they stand in %RETRY% afterwards.
        for (int i = 0; i < 8; i++)
            send("audit", "last-" + i);
        Lab.pause(600);
        auditWriter.shutdown();
        Lab.pause(1500);
        held = false;
        if (paymentService != null)
            paymentService.shutdown();
        consumers.forEach(DefaultMQPushConsumer::shutdown);
        producer.shutdown();
        for (int i = 0; i < 150 && !stateOf("member").matches("frozen|failed|"); i++)
            Lab.pause(100);
        settle();
        summarize();
        state("frozen");
    }

    // ---- files

    boolean is(String order) {
        return Files.exists(dir.resolve(order));
    }

    String stateOf(String who) throws IOException {
        Path p = dir.resolve(who + ".state");
        return Files.exists(p) ? Files.readString(p).trim() : "";
    }

    void state(String s) throws IOException {
        replace(role + ".state", s + "\n");
    }

    void replace(String name, String text) throws IOException {
        Path tmp = dir.resolve(name + ".new");
        Files.write(tmp, text.getBytes(StandardCharsets.UTF_8));
        Files.move(tmp, dir.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    // ---- topics, groups, odd states

    void setup() throws Exception {
        topic("orders", 8);
        topic("payments", 4);
        topic("audit", 4);
        topic("notices", 4);
        topic("inventory", 2);
        topic("T_odd|pipe%percent", 4);
        topic("retired-feed", 2);
        for (String g : new String[] {"order-service", "payment-service", "settlement", "fraud-check", "audit-writer", "notice-board",
                                      "idle-watch", "report-job", "warehouse-sync", "old-mailer", "legacy-import", "odd|group%one"})
            group(g);

        String addr = brokers.get(first);
        for (int i = 0; i < 10; i++)
            producer.send(message("inventory", "stock-" + i), new MessageQueue("inventory", first, i % 2));
        for (int i = 0; i < 3; i++) {
            producer.send(message("T_odd|pipe%percent", "odd-" + i), new MessageQueue("T_odd|pipe%percent", first, 0));
            Message later = message("inventory", "later-" + i);
            later.setDelayTimeLevel(18);                                  // two hours: stays in the schedule topic
            producer.send(later);
        }
        for (int i = 0; i < 200; i++)
            send("payments", "early-" + i);

        Lab.awaitDispatch(api, brokers.values());
        long end = api.getTopicStatsInfo(addr, "inventory", 5000).getOffsetTable().get(new MessageQueue("inventory", first, 0)).getMaxOffset();
        commit("warehouse-sync", "inventory", 0, end + 1000);
        commit("warehouse-sync", "inventory", 1, end);
        commit("report-job", "payments", 0, 1);
        commit("report-job", "payments", 1, 2);
        for (int q = 0; q < 4; q++) {
            commit("old-mailer", "notices", q, 0);
            commit("odd|group%one", "T_odd|pipe%percent", q, 0);
        }
        commit("legacy-import", "retired-feed", 0, 0);
        commit("legacy-import", "retired-feed", 1, 0);
        for (String b : brokers.values()) {
            Lab.ask(api, b, 207, "groupName", "old-mailer");            // DELETE_SUBSCRIPTIONGROUP, whose method has changed
            admin.deleteTopicInBroker(Set.of(b), "retired-feed");
        }
        for (String server : namesrv.split(";"))
            Lab.ask(api, server, 216, "topic", "retired-feed");         // DELETE_TOPIC_IN_NAMESRV
    }

    void topic(String name, int queues) throws Exception {
        for (String addr : brokers.values())
            admin.createAndUpdateTopicConfig(addr, new TopicConfig(name, queues, queues, 6));
    }

    /** SubscriptionGroupConfig moved between 4.x and 5.x; the method that wants one knows where it is. */
    void group(String name) throws Exception {
        for (Method m : DefaultMQAdminExt.class.getMethods()) {
            if (!m.getName().equals("createAndUpdateSubscriptionGroupConfig"))
                continue;
            Object conf = m.getParameterTypes()[1].getConstructor().newInstance();
            conf.getClass().getMethod("setGroupName", String.class).invoke(conf, name);
            for (String addr : brokers.values())
                m.invoke(admin, addr, conf);
            return;
        }
    }

    void commit(String group, String topic, int queue, long offset) throws Exception {
        admin.updateConsumeOffset(brokers.get(first), group, new MessageQueue(topic, first, queue), offset);
    }

    // ---- traffic

    static Message message(String topic, String body) {
        return new Message(topic, "lab", body, body.getBytes(StandardCharsets.UTF_8));
    }

    /** Faults are part of the scene: a broker that is away costs messages, not the producer. */
    void send(String topic, String body) {
        try {
            producer.send(message(topic, body), 3000);
        } catch (Exception e) {
            Lab.pause(500);
        }
    }

    void produce() {
        for (int tick = 0; producing; tick++) {
            if (!held) {
                send("orders", "order-" + tick);
                send("orders", "order-" + tick + "b");
                if (tick % 5 != 0)
                    send("payments", "payment-" + tick);
                if (tick % 5 == 0)
                    send("audit", "entry-" + tick);
                if (tick % 10 == 0)
                    send("notices", "notice-" + tick);
            }
            Lab.pause(100);
        }
    }

    DefaultMQPushConsumer consumer(String group, String topic, String instance, MessageListenerConcurrently listener) throws Exception {
        DefaultMQPushConsumer c = new DefaultMQPushConsumer(group);
        c.setNamesrvAddr(namesrv);
        c.setClientIP(Lab.LOOPBACK);
        if (instance != null)
            c.setInstanceName(instance);
        c.setVipChannelEnabled(false);
        c.setPollNameServerInterval(5000);
        c.setHeartbeatBrokerInterval(10000);
        c.setPersistConsumerOffsetInterval(2000);
        c.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        c.setConsumeThreadMin(2);
        c.setConsumeThreadMax(2);
        c.subscribe(topic, "*");
        c.registerMessageListener(listener);
        return c;
    }

    static final MessageListenerConcurrently FINE = (msgs, ctx) -> ConsumeConcurrentlyStatus.CONSUME_SUCCESS;

    /** Runs in both processes; without an instance name the client invents ip@pid#nanotime, or ip@DEFAULT if broadcast. */
    void startShared() throws Exception {
        DefaultMQPushConsumer c = consumer("order-service", "orders", null, FINE);
        c.start();
        consumers.add(c);
        c = consumer("notice-board", "notices", null, FINE);
        broadcast(c);
        c.start();
        consumers.add(c);
    }

    /** Not even the interrupt of a shutdown helps; the process halts in the end. */
    static void stayStuck() {
        for (int i = 0; i < 1000; i++) {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                continue;
            }
        }
    }

    /** MessageModel moved as well. */
    static void broadcast(DefaultMQPushConsumer c) throws Exception {
        for (Method m : DefaultMQPushConsumer.class.getMethods()) {
            if (m.getName().equals("setMessageModel"))
                for (Object model : m.getParameterTypes()[0].getEnumConstants())
                    if (model.toString().equals("BROADCASTING"))
                        m.invoke(c, model);
        }
    }

    void startBackOffice() throws Exception {
        paymentService = consumer("payment-service", "payments", "backoffice", (msgs, ctx) -> {
            paymentsSeen.addAndGet(msgs.size());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        paymentService.start();
        DefaultMQPushConsumer c = consumer("settlement", "payments", "backoffice", (msgs, ctx) -> {
            do
                Lab.pause(500);                 // two threads: four a second, of eight
            while (held);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        c.start();
        consumers.add(c);
        c = consumer("fraud-check", "payments", "backoffice", (msgs, ctx) -> {
            while (fraudSeen.incrementAndGet() > STUCK_AFTER)
                stayStuck();
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        c.start();
        consumers.add(c);
        c = consumer("idle-watch", "inventory", "backoffice", FINE);
        c.start();
        consumers.add(c);
        auditWriter = consumer("audit-writer", "audit", "backoffice", (msgs, ctx) -> {
            ctx.setDelayLevelWhenNextConsume(1);            // again after a second
            return ConsumeConcurrentlyStatus.RECONSUME_LATER;
        });
        auditWriter.setMaxReconsumeTimes(1);
        auditWriter.start();
    }

    // ---- looking

    long depth(String topic) {
        long n = 0;
        for (String addr : brokers.values()) {
            try {
                for (var t : api.getTopicStatsInfo(addr, topic, 5000).getOffsetTable().values())
                    n += t.getMaxOffset() - t.getMinOffset();
            } catch (Exception e) {
                continue;               // not there yet
            }
        }
        return n;
    }

    /** Sockets, not ids, because broadcast members share one; at the broker that sees most, as each sees its own. */
    int members(String group) {
        int most = 0;
        for (String addr : brokers.values()) {
            try {
                most = Math.max(most, api.getConsumerConnectionList(addr, group, 5000).getConnectionSet().size());
            } catch (Exception e) {
                continue;               // code 206: nobody
            }
        }
        return most;
    }

    boolean isFull() {
        return depth("%DLQ%audit-writer") > 0 && depth("%RETRY%audit-writer") > 0 && members("order-service") == 2
            && members("notice-board") == 2 && members("payment-service") == 0 && fraudSeen.get() > STUCK_AFTER;
    }

    /** Committed offsets of all groups: "topic@group" to queue to offset, brokers joined. */
    Map<String, Map<String, Long>> committed() throws Exception {
        Map<String, Map<String, Long>> r = new TreeMap<>();
        for (var b : brokers.entrySet()) {
            var answer = Lab.ask(api, b.getValue(), 43);
            JSONObject table = JSON.parseObject(new String(answer.getBody(), StandardCharsets.UTF_8)).getJSONObject("offsetTable");
            for (var e : table.entrySet())
                for (var q : ((Map<?, ?>) e.getValue()).entrySet())
                    r.computeIfAbsent(e.getKey(), k -> new TreeMap<>())
                        .put(b.getKey() + "/" + q.getKey(), ((Number) q.getValue()).longValue());
        }
        return r;
    }

    Map<String, Long> ends(Set<String> topics) throws Exception {
        Map<String, Long> r = new TreeMap<>();
        for (String t : topics)
            for (String addr : brokers.values()) {
                try {
                    for (var e : api.getTopicStatsInfo(addr, t, 5000).getOffsetTable().entrySet())
                        r.put(t + "/" + e.getKey().getBrokerName() + "/" + e.getKey().getQueueId(), e.getValue().getMaxOffset());
                } catch (Exception e) {
                    continue;           // the topic is gone, or lives elsewhere
                }
            }
        return r;
    }

    Set<String> userTopics() throws Exception {
        Set<String> topics = new HashSet<>(admin.fetchAllTopicList().getTopicList());
        List<String> names = Lab.serverNames(admin);
        topics.removeIf(t -> Lab.isSystemTopic(t, names));
        return topics;
    }

    /** Returns when neither a message nor an offset has moved for six seconds: 5.x notes broadcast offsets every five. */
    void settle() throws Exception {
        String last = "";
        long since = System.nanoTime();
        for (int i = 0; i < 60; i++) {
            String now = "";
            try {
                now = committed() + " " + ends(userTopics());
            } catch (Exception e) {
                now = "";               // a broker is away
            }
            if (now.isEmpty() || !now.equals(last))
                since = System.nanoTime();
            else if (System.nanoTime() - since > 6_000_000_000L)
                return;
            last = now;
            Lab.pause(500);
        }
        throw new IllegalStateException("the scene does not come to rest");
    }

    void summarize() throws Exception {
        Map<String, Long> ends = ends(userTopics());
        StringBuilder b = new StringBuilder(String.format("%-20s %-24s %8s %8s %8s %6s%n", "group", "topic", "end", "done", "diff", "online"));
        for (var e : committed().entrySet()) {
            int at = e.getKey().indexOf('@');
            String topic = e.getKey().substring(0, at);
            String group = e.getKey().substring(at + 1);
            long end = 0;
            long done = 0;
            if (group.startsWith("CID_RMQ_SYS_"))
                continue;
            for (var m : ends.entrySet())
                if (m.getKey().startsWith(topic + "/"))
                    end += m.getValue();
            for (long o : e.getValue().values())
                done += o;
            b.append(String.format("%-20s %-24s %8d %8d %8d %6d%n", group, topic, end, done, end - done, members(group)));
        }
        for (String t : userTopics())
            if (t.startsWith("%DLQ%"))
                b.append(String.format("%-20s %-24s %8d%n", "-", t, depth(t)));
        replace("summary.txt", b.toString());
    }
}
