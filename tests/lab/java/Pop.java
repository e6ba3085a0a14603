import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/*
 * Pop.java - a group that takes its messages by POP (5.x): twenty parcels, of which one courier carries twelve and delivers none
 * until told so. No queue has an owner, and what is handed out is acknowledged one by one.
 *
 *     Pop setup NAMESRV DIR      topic `parcels` with four queues and twenty messages; the group `courier`, told by the broker to POP; nobody
 *                                takes any
 *     Pop consume NAMESRV DIR    the courier, until killed. While the file DIR/hold is there it acknowledges nothing; DIR/state
 *                                says `held` once it has twelve (it asks for no thirteenth), `done` once it has delivered all
 *
 * The same source compiles against 4.x, which knows nothing of POP, hence `call`.
 */
public final class Pop {
    static final String TOPIC = "parcels";
    static final String GROUP = "courier";
    static final int MESSAGES = 20;
    static final int HELD = 12;
    static final long INVISIBLE_MS = 300_000; // the longest: until then the broker gives them to nobody else

    public static void main(String[] args) throws Exception {
        Lab.endAfter(Long.getLong("lab.life", 900));
        System.setProperty("rocketmq.client.rebalance.waitInterval", "1000");
        try {
            if (args[0].equals("setup"))
                setup(args[1]);
            else
                consume(args[1], Path.of(args[2]));
            Runtime.getRuntime().halt(0);
        } catch (Throwable e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    /** The method of that name that takes so many arguments; text stands for the value of an enum. */
    static void call(Object on, String name, Object... args) throws Exception {
        for (Method m : on.getClass().getMethods()) {
            if (!m.getName().equals(name) || m.getParameterCount() != args.length)
                continue;
            for (int i = 0; i < args.length; i++)
                if (m.getParameterTypes()[i].isEnum())
                    for (Object value : m.getParameterTypes()[i].getEnumConstants())
                        if (value.toString().equals(args[i]))
                            args[i] = value;
            m.invoke(on, args);
            return;
        }
        throw new IllegalStateException("this version has no " + name);
    }

    static void setup(String namesrv) throws Exception {
        DefaultMQAdminExt admin = Lab.admin(namesrv);
        var addrs = Lab.brokers(admin).values();
        for (String addr : addrs) {
            admin.createAndUpdateTopicConfig(addr, new TopicConfig(TOPIC, 4, 4, 6));
            call(admin, "setMessageRequestMode", addr, TOPIC, GROUP, "POP", 8, (long)Lab.TIMEOUT_MS);
        }
        DefaultMQProducer p = new DefaultMQProducer("lab-parcels");
        p.setNamesrvAddr(namesrv);
        p.setClientIP(Lab.LOOPBACK);
        p.setVipChannelEnabled(false);
        p.start();
        for (int i = 0; i < MESSAGES; i++)
            p.send(new Message(TOPIC, ("parcel-" + i).getBytes(StandardCharsets.UTF_8)), Lab.TIMEOUT_MS);
        p.shutdown();
        Lab.awaitDispatch(Lab.api(admin), addrs);
    }

    /** One message a time, and none while so many are not acknowledged: as many as we hold, exactly. */
    static void consume(String namesrv, Path dir) throws Exception {
        Path hold = dir.resolve("hold");
        AtomicInteger held = new AtomicInteger();
        AtomicInteger done = new AtomicInteger();
        DefaultMQPushConsumer c = new DefaultMQPushConsumer(GROUP);
        c.setNamesrvAddr(namesrv);
        c.setClientIP(Lab.LOOPBACK);
        c.setInstanceName("courier-" + ProcessHandle.current().pid());
        c.setVipChannelEnabled(false);
        c.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        c.setConsumeThreadMin(MESSAGES);
        c.setConsumeThreadMax(MESSAGES);
        call(c, "setClientRebalance", false);
        call(c, "setPopInvisibleTime", INVISIBLE_MS);
        call(c, "setPopBatchNums", 1);
        call(c, "setPopThresholdForQueue", HELD - 1);
        c.subscribe(TOPIC, "*");
        c.registerMessageListener((org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently) (msgs, ctx) -> {
            held.addAndGet(msgs.size());
            while (Files.exists(hold))
                Lab.pause(50);
            done.addAndGet(msgs.size());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        c.start();
        for (String said = "";; Lab.pause(50)) {
            String now = done.get() >= MESSAGES ? "done" : held.get() == HELD ? "held" : "";
            if (!now.equals(said))
                Files.writeString(dir.resolve("state"), now + "\n");
            said = now;
        }
    }
}
