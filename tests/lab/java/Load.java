import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import com.alibaba.fastjson.JSON;
import com.alibaba.fastjson.JSONObject;
import io.netty.channel.ChannelHandlerContext;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageAccessor;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.netty.NettyRequestProcessor;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/*
 * Load.java - fills the benchmark scenes that `lab.sh start --topics N --groups N` has prepared: T00000.. with four
 * queues each, G00000.. consuming the topic of the same number.
 *
 *     Load fill  NAMESRV TOPICS GROUPS PER-QUEUE QUEUES BEHIND    messages into QUEUES queues of each topic; BEHIND 1: every
 *                                                                 tenth group is left at offset 0, the others are at the
 *                                                                 end; 0: all at the end; -1: offsets are not touched
 *     Load touch NAMESRV TOPICS SHARE GROUPS                      one message into queue 0 of that share of the topics; GROUPS
 *                                                                 above 0: but for every tenth, their groups consume it
 *     Load light NAMESRV TOPIC                                    four messages that are dispatched to two light queues (LMQ), too, on a
 *                                                                 broker with enableLmq and enableMultiDispatch, and an offset of a
 *                                                                 light group
 *     Load online NAMESRV GROUPS TOPICS                           one client that heartbeats for all groups, until killed
 *
 * Nobody really consumes in these scenes, so the numbers stand still and are known beforehand.
 */
public final class Load {
    static final int IN_FLIGHT = 64;
    static final byte[] BODY = "a message of the benchmark scene, sixty-four bytes long, I think".getBytes(StandardCharsets.UTF_8);

    final DefaultMQAdminExt admin;
    final MQClientAPIImpl api;
    final Map<String, String> brokers;
    final List<String> names;
    final String namesrv;

    Load(String namesrv) throws Exception {
        this.namesrv = namesrv;
        admin = Lab.admin(namesrv);
        api = Lab.api(admin);
        brokers = Lab.brokers(admin);
        names = new ArrayList<>(brokers.keySet());
    }

    public static void main(String[] args) throws Exception {
        Lab.endAfter(Long.getLong("lab.life", 900));
        int status = 0;
        try {
            Load l = new Load(args[1]);
            switch (args[0]) {
            case "fill":
                l.fill(number(args[2]), number(args[3]), number(args[4]), number(args[5]), number(args[6]));
                break;
            case "touch":
                l.touch(number(args[2]), Double.parseDouble(args[3]), number(args[4]));
                break;
            case "light":
                l.light(args[2]);
                break;
            case "online":
                l.online(number(args[2]), number(args[3]));
                break;
            default:
                throw new IllegalArgumentException(args[0]);
            }
        } catch (Throwable e) {
            e.printStackTrace();
            status = 1;
        }
        Runtime.getRuntime().halt(status);
    }

    static int number(String s) {
        return Integer.parseInt(s);
    }

    static String topic(int i) {
        return String.format("T%05d", i);
    }

    static String group(int i) {
        return String.format("G%05d", i);
    }

    // ---- messages

    /** Sends each message to its queue, without asking the name server for a route per topic; a failed one is sent again. */
    void send(List<MessageQueue> queues) throws Exception {
        DefaultMQProducer p = new DefaultMQProducer("lab-fill");
        p.setNamesrvAddr(namesrv);
        p.setClientIP(Lab.LOOPBACK);
        p.setVipChannelEnabled(false);
        p.setRetryTimesWhenSendAsyncFailed(0);
        p.setPollNameServerInterval(600_000);
        p.start();
        List<MessageQueue> todo = queues;
        String last = "";
        for (int round = 0; round < 5 && !todo.isEmpty(); round++) {
            List<MessageQueue> failed = Collections.synchronizedList(new ArrayList<>());
            String[] why = new String[1];
            Semaphore slots = new Semaphore(IN_FLIGHT);
            for (MessageQueue q : todo) {
                slots.acquire();
                try {
                    p.send(new Message(q.getTopic(), BODY), q, new SendCallback() {
                        @Override public void onSuccess(SendResult r) {
                            slots.release();
                        }

                        @Override public void onException(Throwable e) {
                            failed.add(q);
                            why[0] = e.toString();
                            slots.release();
                        }
                    }, 60_000);
                } catch (Exception e) {
                    failed.add(q);
                    why[0] = e.toString();
                    slots.release();
                }
            }
            slots.acquire(IN_FLIGHT);
            todo = new ArrayList<>(failed);
            last = why[0];
        }
        p.shutdown();
        Lab.awaitDispatch(api, brokers.values());
        if (!todo.isEmpty())
            throw new IllegalStateException(todo.size() + " messages could not be sent: " + last);
    }

    void fill(int topics, int groups, int perQueue, int queues, int behind) throws Exception {
        long start = System.nanoTime();
        List<MessageQueue> all = new ArrayList<>();
        for (int n = 0; n < perQueue; n++)
            for (int i = 0; i < topics; i++)
                for (String b : names)
                    for (int q = 0; q < queues; q++)
                        all.add(new MessageQueue(topic(i), b, q));
        send(all);
        long sent = System.nanoTime();
        System.out.printf("%d messages into %d topics: %.1f s%n", all.size(), topics, (sent - start) / 1e9);
        if (behind < 0)
            return;
        for (String b : names)
            commit(b, topics, groups, queues, behind > 0);
        System.out.printf("offsets of %d groups: %.1f s%n", groups, (System.nanoTime() - sent) / 1e9);
    }

    void light(String topic) throws Exception {
        DefaultMQProducer p = new DefaultMQProducer("lab-light");
        p.setNamesrvAddr(namesrv);
        p.setClientIP(Lab.LOOPBACK);
        p.setVipChannelEnabled(false);
        p.start();
        for (int i = 0; i < 4; i++) {
            Message m = new Message(topic, BODY);
            MessageAccessor.putProperty(m, "INNER_MULTI_DISPATCH", "%LMQ%one,%LMQ%two");
            p.send(m);
        }
        p.shutdown();
        for (String addr : brokers.values())
            Lab.ask(api, addr, 15, "topic", "%LMQ%one", "consumerGroup", "%LMQ%reader", "queueId", "0", "commitOffset", "3");
        Lab.awaitDispatch(api, brokers.values());
    }

    // ---- offsets

    /** The wanted offset is the end, whatever was filled before. Sent one-way and then compared, round by round. */
    void commit(String broker, int topics, int groups, int queues, boolean behind) throws Exception {
        String addr = brokers.get(broker);
        Map<String, Long> want = new HashMap<>();
        for (int g = 0; g < groups && topics > 0; g++) {
            String t = topic(g % topics);
            Map<Integer, Long> ends = new HashMap<>();
            if (!(behind && g % 10 == 0))
                for (var e : api.getTopicStatsInfo(addr, t, Lab.TIMEOUT_MS).getOffsetTable().entrySet())
                    ends.put(e.getKey().getQueueId(), e.getValue().getMaxOffset());
            for (int q = 0; q < queues; q++)
                want.put(t + "@" + group(g) + "@" + q, ends.getOrDefault(q, 0L));
        }
        for (int round = 0; round < 20; round++) {
            JSONObject have = JSON.parseObject(new String(Lab.ask(api, addr, 43).getBody(), StandardCharsets.UTF_8))
                .getJSONObject("offsetTable");
            int n = 0;
            for (var e : want.entrySet()) {
                String[] k = e.getKey().split("@");
                Map<?, ?> queue = (Map<?, ?>) have.get(k[0] + "@" + k[1]);
                Object now = queue == null ? null : queue.containsKey(k[2]) ? queue.get(k[2]) : queue.get(Integer.valueOf(k[2]));
                if (now != null && ((Number) now).longValue() == e.getValue())
                    continue;
                n++;
                HashMap<String, String> ext = new HashMap<>();
                ext.put("topic", k[0]);
                ext.put("consumerGroup", k[1]);
                ext.put("queueId", k[2]);
                ext.put("commitOffset", e.getValue().toString());
                RemotingCommand c = RemotingCommand.createRequestCommand(15, null);
                c.setExtFields(ext);
                api.getRemotingClient().invokeOneway(addr, c, Lab.TIMEOUT_MS);
                if (n % 5000 == 0)
                    Lab.ask(api, addr, 43);             // let the broker catch up
            }
            if (n == 0)
                return;
            Lab.pause(200);
        }
        throw new IllegalStateException("the broker does not keep the offsets");
    }

    void touch(int topics, double share, int groups) throws Exception {
        long start = System.nanoTime();
        List<MessageQueue> some = new ArrayList<>();
        for (int i = 0; i < topics; i++)
            if (Math.floor((i + 1) * share) > Math.floor(i * share))
                some.add(new MessageQueue(topic(i), names.get(some.size() % names.size()), 0));
        send(some);
        for (String b : names)
            if (groups > 0)
                commit(b, topics, groups, 4, true);
        System.out.printf("%d messages into %d topics: %.1f s%n", some.size(), some.size(), (System.nanoTime() - start) / 1e9);
    }

    // ---- somebody at home

    /** Heartbeats (34) as a push consumer would, in parts of 500 groups, and answers 307 at once. */
    void online(int groups, int topics) throws Exception {
        api.getRemotingClient().registerProcessor(307, new NettyRequestProcessor() {
            @Override public RemotingCommand processRequest(ChannelHandlerContext ctx, RemotingCommand request) {
                RemotingCommand r = RemotingCommand.createResponseCommand(0, null);
                r.setBody(runningInfo(request.getExtFields().get("consumerGroup")));
                return r;
            }

            @Override public boolean rejectRequest() {
                return false;
            }
        }, Executors.newSingleThreadExecutor());
        for (boolean first = true;; first = false) {
            for (String addr : brokers.values())
                for (int from = 0; from < groups; from += 500)
                    heartbeat(addr, from, Math.min(groups, from + 500), topics);
            if (first)
                System.out.println("first heartbeats for " + groups + " groups are sent");
            Lab.pause(20_000);
        }
    }

    void heartbeat(String addr, int from, int to, int topics) throws Exception {
        StringBuilder b = new StringBuilder("{\"clientID\":\"127.0.0.1@bench\",\"producerDataSet\":[],\"consumerDataSet\":[");
        for (int g = from; g < to; g++)
            b.append(g > from ? "," : "").append("{\"groupName\":\"").append(group(g))
                .append("\",\"consumeType\":\"CONSUME_PASSIVELY\",\"messageModel\":\"CLUSTERING\",\"consumeFromWhere\":\"CONSUME_FROM_LAST_OFFSET\",")
                .append("\"unitMode\":false,\"subscriptionDataSet\":[").append(subscription(topic(g % Math.max(1, topics)))).append(',')
                .append(subscription("%RETRY%" + group(g))).append("]}");
        RemotingCommand c = RemotingCommand.createRequestCommand(34, null);
        c.setBody(b.append("]}").toString().getBytes(StandardCharsets.UTF_8));
        api.getRemotingClient().invokeSync(addr, c, 20000);
    }

    static String subscription(String topic) {
        return "{\"topic\":\"" + topic + "\",\"subString\":\"*\",\"expressionType\":\"TAG\",\"subVersion\":1,\"classFilterMode\":false,"
            + "\"tagsSet\":[],\"codeSet\":[]}";
    }

    /** What a real client of these groups would say: all four queues, nothing done in the last minute. */
    byte[] runningInfo(String group) {
        String t = "T" + group.substring(1);
        StringBuilder b = new StringBuilder("{\"mqTable\":{");
        String comma = "";
        for (String broker : names)
            for (int q = 0; q < 4; q++) {
                b.append(comma).append("{\"brokerName\":\"").append(broker).append("\",\"queueId\":").append(q).append(",\"topic\":\"").append(t)
                    .append("\"}:{\"cachedMsgCount\":0,\"cachedMsgMaxOffset\":0,\"cachedMsgMinOffset\":0,\"cachedMsgSizeInMiB\":0,\"commitOffset\":0,")
                    .append("\"droped\":false,\"lastConsumeTimestamp\":0,\"lastLockTimestamp\":0,\"lastPullTimestamp\":0,\"locked\":false,")
                    .append("\"transactionMsgCount\":0,\"transactionMsgMaxOffset\":0,\"transactionMsgMinOffset\":0,\"tryUnlockTimes\":0}");
                comma = ",";
            }
        b.append("},\"properties\":{\"PROP_CLIENT_VERSION\":\"V4_9_7\",\"PROP_CONSUME_TYPE\":\"CONSUME_PASSIVELY\",\"PROP_CONSUMEORDERLY\":\"false\",")
            .append("\"PROP_CONSUMER_START_TIMESTAMP\":\"1700000000000\",\"PROP_NAMESERVER_ADDR\":\"").append(namesrv)
            .append(";\",\"PROP_THREADPOOL_CORE_SIZE\":\"20\"},\"statusTable\":{\"").append(t)
            .append("\":{\"consumeFailedMsgs\":0,\"consumeFailedTPS\":0.0,\"consumeOKTPS\":0.0,\"consumeRT\":0.0,\"pullRT\":0.0,\"pullTPS\":0.0}},")
            .append("\"subscriptionSet\":[").append(subscription(t)).append("],\"userConsumerInfo\":{}}");
        return b.toString().getBytes(StandardCharsets.UTF_8);
    }
}
