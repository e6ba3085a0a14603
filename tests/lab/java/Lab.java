import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.client.impl.factory.MQClientInstance;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/*
 * Lab.java - what Scene, Oracle and Load share, and the wrapper that gives every server a limited life:
 *
 *     Lab life CLASS ARGS...     runs CLASS in this process, and ends it after -Dlab.life seconds
 *     Lab ready NAMESRV COUNT    returns once the name server lists COUNT brokers and each answers request 28
 *
 * The same sources compile against RocketMQ 4.3.2 to 5.5.0, where many classes live in other packages: types that
 * moved are never named, hence the many `var` and the little reflection.
 */
public final class Lab {
    static final String LOOPBACK = "127.0.0.1";
    static final int TIMEOUT_MS = 30000; // of a question; a busy machine answers late

    public static void main(String[] args) throws Exception {
        endAfter(Long.getLong("lab.life", 900));
        if (args[0].equals("ready")) {
            ready(args[1], Integer.parseInt(args[2]));
            return;
        }
        if (!args[0].equals("life"))
            throw new IllegalArgumentException(args[0]);
        Class.forName(args[1]).getMethod("main", String[].class)
            .invoke(null, (Object) Arrays.copyOfRange(args, 2, args.length));
    }

    /** A daemon thread ends the process when its time is up, whatever else goes on: labs must not pile up. */
    static void endAfter(long seconds) {
        Thread t = new Thread(() -> {
            pause(seconds * 1000);
            System.out.println("lab: " + seconds + " s are over");
            Runtime.getRuntime().halt(3);
        }, "lab-life");
        t.setDaemon(true);
        t.start();
    }

    static void ready(String namesrv, int count) throws Exception {
        DefaultMQAdminExt admin = admin(namesrv);
        Exception last = null;
        for (int i = 0; i < 300; i++) {
            try {
                int n = 0;
                for (var b : admin.examineBrokerClusterInfo().getBrokerAddrTable().values())
                    for (String addr : b.getBrokerAddrs().values()) {
                        admin.fetchBrokerRuntimeStats(addr);
                        n++;
                    }
                if (n >= count)
                    Runtime.getRuntime().halt(0);
            } catch (Exception e) {
                last = e;
            }
            pause(200);
        }
        throw new IllegalStateException("not " + count + " brokers", last);
    }

    static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    static DefaultMQAdminExt admin(String namesrv) throws Exception {
        DefaultMQAdminExt admin = new DefaultMQAdminExt(TIMEOUT_MS);
        admin.setNamesrvAddr(namesrv);
        admin.setClientIP(LOOPBACK);
        admin.setInstanceName("lab-admin-" + ProcessHandle.current().pid());
        admin.setVipChannelEnabled(false);
        admin.start();
        return admin;
    }

    /** The layer below the admin client: one request to one address. 4.x keeps it private. */
    static MQClientAPIImpl api(DefaultMQAdminExt admin) throws Exception {
        Object impl = field(admin, "defaultMQAdminExtImpl");
        return ((MQClientInstance) field(impl, "mqClientInstance")).getMQClientAPIImpl();
    }

    private static Object field(Object o, String name) throws Exception {
        Field f = o.getClass().getDeclaredField(name);
        f.setAccessible(true);
        return f.get(o);
    }

    /** A bare request; ext is name, value, name, value... */
    static RemotingCommand ask(MQClientAPIImpl api, String addr, int code, String... ext) throws Exception {
        RemotingCommand c = RemotingCommand.createRequestCommand(code, null);
        if (ext.length > 0) {
            HashMap<String, String> m = new HashMap<>();
            for (int i = 0; i < ext.length; i += 2)
                m.put(ext[i], ext[i + 1]);
            c.setExtFields(m);
        }
        return api.getRemotingClient().invokeSync(addr, c, TIMEOUT_MS);
    }

    /**
     * A send is acknowledged before its queue shows the message: waits until the broker has caught up, so that what
     * is asked next is final.
     */
    static void awaitDispatch(MQClientAPIImpl api, Iterable<String> addrs) throws Exception {
        for (String addr : addrs)
            for (int i = 0;; i++) {
                if ("0".equals(api.getBrokerRuntimeInfo(addr, TIMEOUT_MS).getTable().get("dispatchBehindBytes")))
                    break;
                if (i == 300)
                    throw new IllegalStateException(addr + " does not catch up with its commit log");
                pause(100);
            }
    }

    /** Broker name to the address of its master, or of its lowest slave when there is no master. */
    static Map<String, String> brokers(DefaultMQAdminExt admin) throws Exception {
        Map<String, String> r = new TreeMap<>();
        for (var e : admin.examineBrokerClusterInfo().getBrokerAddrTable().entrySet())
            r.put(e.getKey(), new TreeMap<>(e.getValue().getBrokerAddrs()).firstEntry().getValue());
        return r;
    }

    /** Topics people made, plus retry and dead letter topics; not the ones the servers make for themselves. */
    static boolean isSystemTopic(String topic, List<String> names) {
        return names.contains(topic) || topic.startsWith("rmq_sys_") || topic.startsWith("RMQ_SYS_") || topic.endsWith("_REPLY_TOPIC")
            || Arrays.asList("TBW102", "BenchmarkTest", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT", "SCHEDULE_TOPIC_XXXX",
                "TRANS_CHECK_MAX_TIME_TOPIC", "CHECKPOINT_TOPIC").contains(topic);
    }

    /** Cluster and broker names: each of them is a topic as well. */
    static List<String> serverNames(DefaultMQAdminExt admin) throws Exception {
        var info = admin.examineBrokerClusterInfo();
        List<String> r = new ArrayList<>(info.getClusterAddrTable().keySet());
        r.addAll(info.getBrokerAddrTable().keySet());
        return r;
    }
}
