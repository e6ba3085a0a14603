#!/bin/bash
#
# lab.sh - real RocketMQ servers on loopback, for the demo, the integration tests and the benchmarks.
#
# A lab is a directory: DIR/env says where the servers listen, DIR/run holds one pid per file, DIR/log what they
# printed. Everything a lab starts is ended by `lab.sh stop DIR`, by pid; should that never be called, each process
# ends by itself (see --life). The jars come from Maven Central and are kept in MQPUSH_LAB_CACHE. README.md beside
# this file has the words, the files and what they cost.
#
set -u -o pipefail
export LC_ALL=C.UTF-8                 # a JVM in the C locale cannot read or store names like T_中文_订单

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${MQPUSH_LAB_CACHE:-${HOME:-/root}/.cache/mqpush-lab}
DEFAULT_VERSION=5.5.0
START_LIMIT_S=${LAB_START_LIMIT_S:-120}
SERVER_LIFE_S=14400
SCENE_LIFE_S=900
STATE_LIMIT_S=300 # seconds where there is time; minutes beside a load of 20
# What 4.x wants to reach into, servers and clients alike.
OPENS=(--add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/jdk.internal.ref=ALL-UNNAMED)

usage() {
    cat <<EOF
usage: lab.sh install [VERSION...]                 tools, jars and helper classes (default $DEFAULT_VERSION)
       lab.sh start DIR [--version V] [--namesrvs N] [--brokers N] [--cluster NAME] [--slaves] [--odd-names]
                    [--topics N --groups N] [--set KEY=VALUE]... [--jvm ARG]... [--xmx 512m] [--life SECONDS]
       lab.sh add DIR [--set KEY=VALUE]...         one more master, empty
       lab.sh stop DIR
       lab.sh pause|resume|kill|restart DIR NAME   NAME: namesrv, namesrv-b, broker-a, broker-a-slave, ...
       lab.sh acl DIR                              from now on brokers ask who we are; see README.md for the users
       lab.sh scene DIR start [--life SECONDS]|wait|hold|resume|freeze|stop
       lab.sh oracle DIR                           JSON: what the Java admin client sees
       lab.sh admin DIR ARGS...                    mqadmin ARGS against this lab
       lab.sh fill DIR [--topics N] [--messages-per-queue 2] [--queue-0-only] [--every-tenth-behind] [--no-commit]
       lab.sh touch DIR [--topics N] [--share 0.15] [--consume]
       lab.sh light DIR TOPIC                      four messages that are dispatched to %LMQ%one and %LMQ%two, too; with an offset
       lab.sh online DIR start [--life SECONDS]|stop   a client that heartbeats for all groups of start --groups
       lab.sh pop DIR start|hold|ack|stop          a group that takes by POP (5.x): see java/Pop.java
EOF
}

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
usage_error() { [ $# -eq 0 ] || say "$*"; usage >&2; exit 2; }
now_ms() { local t=${EPOCHREALTIME/[.,]/}; printf '%s' "${t%???}"; }
seconds_since() { local d=$(($(now_ms) - $1)); printf '%d.%d' $((d / 1000)) $((d % 1000 / 100)); }

# The option names that ask for a number get one, or the usage.
number() { [[ ${2-} =~ ^[0-9]{1,7}$ ]] || usage_error "$1 wants a number"; printf '%d' "$((10#$2))"; }

# ---------------------------------------------------------------------------------------------------------------
# install

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi; }

java_is_usable() {
    local v
    command -v java >/dev/null && v=$(javac -version 2>&1) || return 1
    v=${v#javac }; v=${v%%.*}
    [[ $v =~ ^[0-9]+$ ]] && [ "$v" -ge 11 ]
}

# Only what is missing is asked of apt: a machine that has its own JDK keeps it.
install_tools() {
    local want=() log=$CACHE/apt.log
    java_is_usable || want+=(openjdk-17-jdk-headless)
    command -v mvn >/dev/null || want+=(maven)
    command -v cc >/dev/null || want+=(gcc libc6-dev)
    command -v curl >/dev/null || want+=(curl)
    command -v jq >/dev/null || want+=(jq)
    command -v flock >/dev/null || want+=(util-linux)
    [ ${#want[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || die "please install by hand: ${want[*]}"
    mkdir -p "$CACHE"
    say "apt-get install ${want[*]}"
    as_root apt-get update -qq >"$log" 2>&1 || say "apt-get update failed, trying to install anyway"
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${want[@]}" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "apt-get install ${want[*]} failed, see $log"
    fi
    java_is_usable || die "there is still no usable javac"
}

jars_are_there() {
    local jar list
    [ -s "$1" ] || return 1
    IFS=: read -r -a list <"$1"
    for jar in "${list[@]}"; do [ -f "$jar" ] || return 1; done
}

# The servers log some 40 kB at start and a trace per odd request, and both cost CPU that the benchmarks would see.
# -Dlab.log=WARN (LAB_LOG=WARN lab.sh start ...) brings it back on standard output, that is in DIR/log.
write_quiet() {
    local dir=$1 f x
    mkdir -p "$dir/quiet" "$dir/home/conf"
    x='<appender name="OUT" class="%sConsoleAppender"><encoder><pattern>%%d %%p %%c{1} %%m%%n</pattern></encoder></appender>'
    x="<configuration>$x<root level=\"\${lab.log:-OFF}\"><appender-ref ref=\"OUT\"/></root></configuration>\\n"
    # shellcheck disable=SC2059 # the format is the file
    printf "$x" org.apache.rocketmq.logging.ch.qos.logback.core. >"$dir/quiet/rmq.logback.xml"
    for f in namesrv broker tools; do
        # shellcheck disable=SC2059
        printf "$x" ch.qos.logback.core. >"$dir/home/conf/logback_$f.xml"
    done
    cp "$dir/home/conf/logback_tools.xml" "$dir/quiet/logback.xml"
}

install_version() {
    local v=$1 dir=$CACHE/$1 t
    [[ $v =~ ^[0-9]+(\.[0-9]+)+$ ]] || die "not a version: $v"
    mkdir -p "$dir"
    [ -f "$dir/quiet/logback.xml" ] || write_quiet "$dir"
    if ! jars_are_there "$dir/cp.txt"; then
        t=$(now_ms)
        say "resolving the jars of RocketMQ $v"
        mvn -B -ntp -q -Dstyle.color=never -f "$HERE/pom.xml" -Drmq.version="$v" dependency:build-classpath \
            -Dmdep.outputFile="$dir/cp.new" 2>&1 | sed "s/\x1b\[[0-9;]*m//g; /^$/d" >&2 || die "maven could not resolve RocketMQ $v"
        mv "$dir/cp.new" "$dir/cp.txt"
        say "jars of RocketMQ $v: $(seconds_since "$t") s"
    fi
    if [ ! -f "$CACHE/loopback.so" ]; then
        cc -O2 -shared -fPIC -o "$CACHE/loopback.new" "$HERE/loopback.c" -ldl || die "loopback.c does not compile"
        mv "$CACHE/loopback.new" "$CACHE/loopback.so"
    fi
    classes_of "$v"
    if [ ! -d "$CLASSES" ]; then
        t=$(now_ms)
        # A lab that runs keeps its old classes; those nobody touched for a day go.
        find "$dir" -maxdepth 1 -name 'classes-*' -mmin +1440 -exec rm -rf {} + 2>/dev/null
        rm -rf "$dir/classes.new"
        javac -nowarn -Xlint:none -proc:none -encoding UTF-8 -cp "$(<"$dir/cp.txt")" -d "$dir/classes.new" "$HERE"/java/*.java >&2 ||
            die "the helpers do not compile against RocketMQ $v"
        mv "$dir/classes.new" "$CLASSES"
        say "helpers for RocketMQ $v: $(seconds_since "$t") s"
    fi
}

# Sets CLASSES. The name carries a checksum of the sources, so an edit is noticed and two branches do not quarrel.
classes_of() {
    local sum
    sum=$(cat "$HERE"/java/*.java | cksum)
    CLASSES=$CACHE/$1/classes-${sum%% *}
}

# Sets CLASSPATH_V for one version, installing it first where that is needed.
use_version() {
    classes_of "$1"
    if [ ! -d "$CLASSES" ] || [ ! -f "$CACHE/loopback.so" ] || ! jars_are_there "$CACHE/$1/cp.txt"; then
        cmd_install "$1"
    fi
    CLASSPATH_V=$CACHE/$1/quiet:$CLASSES:$(<"$CACHE/$1/cp.txt")
}

cmd_install() {
    local v
    [ $# -gt 0 ] || set -- "$DEFAULT_VERSION"
    install_tools
    mkdir -p "$CACHE"
    for v in "$@"; do
        (flock 9 && install_version "$v") 9>"$CACHE/install.lock" || exit 1
        say "RocketMQ $v is installed in $CACHE/$v"
    done
}

# ---------------------------------------------------------------------------------------------------------------
# processes

# Nobody may be there to collect a dead child of a script that has long ended: a zombie is gone, too.
is_gone() { # a zombie is, once its last thread has let go of its ports
    local stat threads
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    stat=${stat##*) }
    threads=("/proc/$1/task"/*)
    [ "${stat%% *}" = Z ] && [ ${#threads[@]} -le 1 ]
}

# A pid counts as ours only while its command line names this lab, so a recycled pid is never touched.
is_alive() { # PID [LAB-DIRECTORY]
    local cmd
    [ -n "${1-}" ] && ! is_gone "$1" || return 1
    cmd=$(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null)
    [[ $cmd == *"-Dlab.dir=${2-$DIR} "* ]]
}

pid_of() { [ -f "$DIR/run/$1.pid" ] && cat "$DIR/run/$1.pid"; }

# launch NAME SECONDS JVM-ARGS... - in a session of its own, without any descriptor of the caller. Nothing of a lab is
# for the network, see loopback.c. They live for minutes, where the second compiler costs a third of a boot and pays nothing back.
launch() {
    local name=$1 life=$2 extra=()
    shift 2
    [ -z "${LAB_LOG-}" ] || extra+=("-Dlab.log=$LAB_LOG")
    ! wants_tls || extra+=(-Dtls.enable=true)
    mkdir -p "$DIR/log/home" "$DIR/tmp"
    : >>"$DIR/log/$name.out"
    home_of_lab
    ROCKETMQ_HOME=$HOME_V LAB_SERVER=$DIR/$name LD_PRELOAD=$CACHE/loopback.so${LAB_PRELOAD:+:$LAB_PRELOAD} \
        setsid env -u NAMESRV_ADDR -u JAVA_TOOL_OPTIONS java -Dlab.dir="$DIR" -Dlab.life="$life" "${extra[@]}" -Duser.home="$DIR/log/home" -Dfile.encoding=UTF-8 \
        -Djava.io.tmpdir="$DIR/tmp" -XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${OPENS[@]}" "$@" \
        </dev/null >>"$DIR/log/$name.out" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
    local pid=$! i
    printf '%s\n' "$pid" >"$DIR/run/$name.pid"
    disown
    # Until it has become java it looks like this script, and whoever asks is_alive would think that it has ended.
    for ((i = 0; i < 100; i++)); do
        if is_alive "$pid" || is_gone "$pid"; then break; fi
        sleep 0.05
    done
}

# end_all NAME... - TERM, a second, KILL; then waits until the kernel has let go of them.
end_all() {
    local name pid pids=() left i
    for name in "$@"; do
        pid=$(pid_of "$name") && is_alive "$pid" && pids+=("$pid")
    done
    if [ ${#pids[@]} -gt 0 ]; then
        kill -TERM "${pids[@]}" 2>/dev/null
        kill -CONT "${pids[@]}" 2>/dev/null      # a stopped process does not see TERM
        for ((i = 0; i < 150; i++)); do
            left=()
            for pid in "${pids[@]}"; do is_gone "$pid" || left+=("$pid"); done
            [ ${#left[@]} -eq 0 ] && break
            [ $i -ge 10 ] && kill -KILL "${left[@]}" 2>/dev/null
            sleep 0.1
        done
        [ ${#left[@]} -eq 0 ] || die "still there after KILL: ${left[*]}"
    fi
    for name in "$@"; do rm -f "$DIR/run/$name.pid"; done
}

names_running() {
    local f
    for f in "$DIR"/run/*.pid; do
        [ -f "$f" ] && { f=${f##*/}; printf '%s\n' "${f%.pid}"; }
    done
}

# ---------------------------------------------------------------------------------------------------------------
# ports: a server gets a block of ten below the range the kernel hands out to clients. The block is noted in the
# cache for the life of the lab, so a broker that was killed finds its port free again.

listening_ports() {
    local line
    while read -r _ line _; do
        [[ $line =~ :([0-9A-F]{4})$ ]] && printf '%d\n' "0x${BASH_REMATCH[1]}"
    done < <(awk '$4 == "0A"' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
}

block_is_noted() {
    local dir
    [ -f "$CACHE/ports/$1" ] || return 1
    dir=$(<"$CACHE/ports/$1")
    # Someone who is just starting has no pid file yet; after that the name server's pid tells.
    [ -n "$(find "$CACHE/ports/$1" -mmin -3 2>/dev/null)" ] && return 0
    [ -f "$dir/run/namesrv.pid" ] && is_alive "$(<"$dir/run/namesrv.pid")" "$dir"
}

# Sets BLOCKS to $1 free blocks.
take_blocks() {
    local i p n busy=" "
    BLOCKS=()
    mkdir -p "$CACHE/ports"
    exec 8>"$CACHE/ports.lock"
    flock 8
    busy+=$(listening_ports | tr '\n' ' ')
    for ((i = 0; i < 500 && ${#BLOCKS[@]} < $1; i++)); do
        p=$(((1500 + RANDOM % 1700) * 10))
        for ((n = 0; n < 10; n++)); do [[ $busy == *" $((p + n)) "* ]] && continue 2; done
        block_is_noted $p && continue
        printf '%s\n' "$DIR" >"$CACHE/ports/$p"
        BLOCKS+=("$p")
    done
    exec 8>&-
    [ ${#BLOCKS[@]} -eq "$1" ] || die "no free ports"
}

give_back_blocks() {
    local f
    for f in "$CACHE"/ports/*; do
        [ -f "$f" ] && [ "$(<"$f")" = "$DIR" ] && rm -f "$f"
    done
    return 0
}

# ---------------------------------------------------------------------------------------------------------------
# one question to a server, without the second a JVM needs: rpc PORT CODE prints header and body, 0 if it answered

rpc() {
    (
        hdr="{\"code\":$2,\"flag\":0,\"language\":\"JAVA\",\"opaque\":1,\"serializeTypeCurrentRPC\":\"JSON\",\"version\":401}"
        n=${#hdr}
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
        printf '\0\0\0\x'"$(printf %x $((n + 4)))"'\0\0\0\x'"$(printf %x "$n")"'%s' "$hdr" >&3
        read -r a b c d < <(timeout 3 head -c 4 <&3 | od -An -tu1)
        timeout 5 head -c $((((a * 256 + b) * 256 + c) * 256 + d)) <&3 | tr -d '\0'
    ) 2>/dev/null
}

# Up, listed by each name server that runs and that it registers with (106 prints each address in quotes), and able to answer 28, which
# fails for the first second after "boot success". Code 16 is "no permission": that broker has auth on, and is up. A binary header
# (--jvm -Drocketmq.serialize.type=ROCKETMQ) has no such text, the body is the same.
is_ready() {
    local name=$1 port=$2 ns at
    [[ $(<"$DIR/log/$name.out") == *"boot success"* ]] || return 1
    wants_tls && return 0
    for ns in $NAMESRVS; do
        at=$(port_of "$ns")
        [[ "$(setting_of "$name" namesrvAddr);" == *":$at;"* ]] || continue
        is_alive "$(pid_of "$ns")" || continue
        [[ $(rpc "$at" 106) == *"\"$(setting_of "$name" brokerIP1):$port\""* ]] || return 1
    done
    [[ $(rpc "$port" 28) =~ \"code\":(0|16)[,}]|AclException|\"table\":\{ ]]
}

# A server that insists on TLS (--jvm -Dtls.server.mode=enforcing) drops our plain questions, so Java asks them.
wants_tls() { [ -f "$DIR/jvm.args" ] && grep -qx -e '-Dtls.server.mode=enforcing' "$DIR/jvm.args"; }

namesrv_is_ready() {
    [[ $(<"$DIR/log/$1.out") == *"boot success"* ]] || return 1
    wants_tls || [[ $(rpc "$(port_of "$1")" 106) == *brokerAddrTable* ]]
}

wait_namesrv() {
    local i
    for ((i = 0; i < 300; i++)); do
        namesrv_is_ready "$1" && break
        is_alive "$(pid_of "$1")" || break
        sleep 0.1
    done
}

wait_ready() {
    local until=$(($(now_ms) + START_LIMIT_S * 1000)) name
    for name in "$@"; do
        while ! is_ready "$name" "$(port_of "$name")"; do
            is_alive "$(pid_of "$name")" || { say "$name ended"; return 1; }
            [ "$(now_ms)" -lt $until ] || { say "$name is not ready after $START_LIMIT_S s"; return 1; }
            sleep 0.2
        done
    done
    ! wants_tls || run_java "$START_LIMIT_S" 128m Lab ready "127.0.0.1:$(port_of namesrv)" "$(wc -w <<<"$BROKERS")" >&2
}

show_logs() {
    local f
    for f in "$DIR"/log/*.out; do
        [ -f "$f" ] && { printf -- '--- %s\n' "$f"; tail -n 30 "$f"; } >&2
    done
}

# ---------------------------------------------------------------------------------------------------------------
# start

setting_of() { sed -n "s/^$2=//p" "$DIR/$1/server.conf" | tail -n 1; } # the last one counts
port_of() { setting_of "$1" listenPort; }

# Sets JVM to the --jvm arguments, which last as long as the lab: a restarted server gets them again.
read_jvm() {
    JVM=()
    [ ! -f "$DIR/jvm.args" ] || mapfile -t JVM <"$DIR/jvm.args"
}

start_namesrv() {
    read_jvm
    launch "$1" "$LIFE" -Xms24m -Xmx256m "${JVM[@]}" -cp "$CLASSPATH_V" \
        Lab life org.apache.rocketmq.namesrv.NamesrvStartup -c "$DIR/$1/server.conf"
}

start_broker() {
    read_jvm
    launch "$1" "$LIFE" -Xms64m -Xmx"$XMX" -XX:MaxDirectMemorySize=1g \
        -Drocketmq.broker.diskSpaceWarningLevelRatio=0.99 -Drocketmq.broker.diskSpaceCleanForciblyRatio=0.98 \
        "${JVM[@]}" -cp "$CLASSPATH_V" Lab life org.apache.rocketmq.broker.BrokerStartup -c "$DIR/$1/server.conf"
}

write_namesrv_conf() { # NAME PORT
    mkdir -p "$DIR/$1"
    cat >"$DIR/$1/server.conf" <<EOF
listenPort=$2
kvConfigPath=$DIR/$1/kvConfig.json
configStorePath=$DIR/$1/namesrv.properties
EOF
}

letter() { printf '%b' "\\x$(printf %x $((97 + $1)))"; }

# What clients and brokers are given: all name servers.
namesrv_list() {
    local name addresses=
    for name in $NAMESRVS; do addresses+=";127.0.0.1:$(port_of "$name")"; done
    printf '%s' "${addresses#;}"
}

# write_broker_conf NAME BROKER-NAME ID ROLE PORT
write_broker_conf() {
    local store=$DIR/$1/store x
    mkdir -p "$store/config"
    {
        cat <<EOF
brokerClusterName=$CLUSTER
brokerName=$2
brokerId=$3
brokerRole=$4
brokerIP1=127.0.0.1
brokerIP2=127.0.0.1
listenPort=$5
haListenPort=$(($5 + 1))
namesrvAddr=$(namesrv_list)
storePathRootDir=$store
storePathCommitLog=$store/commitlog
mapedFileSizeCommitLog=67108864
mappedFileSizeCommitLog=67108864
mapedFileSizeConsumeQueue=60000
mappedFileSizeConsumeQueue=60000
maxHashSlotNum=50000
maxIndexNum=200000
autoCreateTopicEnable=false
autoCreateSubscriptionGroup=true
registerNameServerPeriod=10000
diskMaxUsedSpaceRatio=95
# A busy machine with two cores would otherwise reject sends.
waitTimeMillsInSendQueue=10000
osPageCacheBusyTimeOutMills=10000
EOF
        if [ "${VERSION%%.*}" -ge 5 ]; then
            # Each timer thread takes 4 MiB of direct memory, and the whole 38 MB wheel is rewritten at every flush.
            cat <<EOF
mappedFileSizeTimerLog=4194304
timerGetMessageThreadNum=1
timerPutMessageThreadNum=1
timerFlushIntervalMs=10000
EOF
        fi
        for x in "${SETS[@]}"; do
            case $x in
            "$1":*) printf '%s\n' "${x#*:}" ;;
            broker-?:* | broker-?-slave:*) ;; # another one's
            *) printf '%s\n' "$x" ;;
            esac
        done
    } >"$DIR/$1/server.conf"
}

# The broker reads these at its first boot, which is the only quick way to have ten thousand topics. Groups get
# their %RETRY% topic, as they would have after the first heartbeat, and offset 0 in every queue.
write_tables() {
    awk -v dir="$1" -v topics="$LAB_TOPICS" -v groups="$LAB_GROUPS" -v odd="$ODD" '
    function topic(name, queues) {
        printf "%s\"%s\":{\"topicName\":\"%s\",\"readQueueNums\":%d,\"writeQueueNums\":%d,\"perm\":6,\"order\":false,\"topicFilterType\":\"SINGLE_TAG\",\"topicSysFlag\":0}", tc++ ? ",\n" : "", name, name, queues, queues > tf
    }
    function group(name) {
        printf "%s\"%s\":{\"groupName\":\"%s\",\"consumeEnable\":true,\"consumeFromMinEnable\":true,\"consumeBroadcastEnable\":true,\"retryQueueNums\":1,\"retryMaxTimes\":16,\"brokerId\":0,\"whichBrokerWhenConsumeSlowly\":1,\"notifyConsumerIdsChangedEnable\":true}", gc++ ? ",\n" : "", name, name > gf
    }
    function offsets(t, g, queues,   q) {
        printf "%s\"%s@%s\":{", oc++ ? ",\n" : "", t, g > of
        for (q = 0; q < queues; q++) printf "%s\"%d\":0", q ? "," : "", q > of
        printf "}" > of
    }
    BEGIN {
        tf = dir "/topics.json"; gf = dir "/subscriptionGroup.json"; of = dir "/consumerOffset.json"
        v = "{\"dataVersion\":{\"counter\":1,\"timestamp\":1700000000000},"
        printf "%s\"topicConfigTable\":{", v > tf
        printf "%s\"subscriptionGroupTable\":{", v > gf
        printf "{\"offsetTable\":{" > of
        for (i = 0; i < topics; i++) topic(sprintf("T%05d", i), 4)
        for (i = 0; i < groups; i++) {
            g = sprintf("G%05d", i); group(g); topic("%RETRY%" g, 1)
            if (topics) offsets(sprintf("T%05d", i % topics), g, 4)
            offsets("%RETRY%" g, g, 1)
        }
        if (odd) {
            topic("T_odd|pipe%percent", 4); topic("T_中文_订单", 4); topic("T_dot.name", 2)
            group("G_odd|pipe%percent"); group("G_中文")
            offsets("T_odd|pipe%percent", "G_odd|pipe%percent", 4); offsets("T_中文_订单", "G_中文", 4); offsets("T_dot.name", "G_中文", 2)
        }
        print "}}" > tf; print "}}" > gf; print "}}" > of
    }'
}

env_name() { local n=${1^^}; printf '%s' "${n//-/_}"; }

write_env() {
    local name
    {
        printf 'LAB_DIR=%q\nVERSION=%s\nCLUSTER=%s\nLAB_TOPICS=%d\nLAB_GROUPS=%d\nLIFE=%d\nXMX=%s\n' \
            "$DIR" "$VERSION" "$CLUSTER" "$LAB_TOPICS" "$LAB_GROUPS" "$LIFE" "$XMX"
        printf 'NAMESRV="%s"\nNAMESRV_A=127.0.0.1:%d\nNS_PID=%s\nNAMESRVS="%s"\nBROKERS="%s"\n' "$(namesrv_list)" "$(port_of namesrv)" \
            "$(pid_of namesrv)" "$NAMESRVS" "$BROKERS"
        for name in ${NAMESRVS#namesrv} $BROKERS; do
            printf '%s=127.0.0.1:%d\n%s_PID=%s\n' "$(env_name "$name")" "$(port_of "$name")" "$(env_name "$name")" "$(pid_of "$name")"
        done
    } >"$DIR/run/env.new"
    mv "$DIR/run/env.new" "$DIR/env"
}

give_up() {
    trap - INT TERM
    # shellcheck disable=SC2046 # names have no spaces
    end_all $(names_running)
    rm -f "$DIR/env"
    give_back_blocks
    exit 1
}

cmd_start() {
    local namesrvs=1 brokers=1 slaves=0 n i x t jvm=()
    open_dir "$1" make
    shift
    VERSION=$DEFAULT_VERSION CLUSTER=lab LAB_TOPICS=0 LAB_GROUPS=0 ODD=0 SETS=() LIFE=$SERVER_LIFE_S XMX=512m BROKERS='' NAMESRVS=namesrv
    while [ $# -gt 0 ]; do
        case $1 in
        --slaves) slaves=1; shift; continue ;;
        --odd-names) ODD=1; shift; continue ;;
        esac
        [ $# -ge 2 ] || usage_error "$1 wants a value"
        case $1 in
        --version) VERSION=$2 ;;
        --cluster) CLUSTER=$2 ;;
        --namesrvs) namesrvs=$(number "$@") || exit 2 ;;
        --brokers) brokers=$(number "$@") || exit 2 ;;
        --topics) LAB_TOPICS=$(number "$@") || exit 2 ;;
        --groups) LAB_GROUPS=$(number "$@") || exit 2 ;;
        --life) LIFE=$(number "$@") || exit 2 ;;
        --xmx) XMX=$2 ;;
        --set) SETS+=("$2") ;;
        --jvm) jvm+=("$2") ;;
        *) usage_error "start does not know $1" ;;
        esac
        shift 2
    done
    [[ $brokers == [1-8] ]] || die "1 to 8 brokers, not $brokers"
    [[ $namesrvs == [1-8] ]] || die "1 to 8 name servers, not $namesrvs"
    [[ $CLUSTER =~ ^[A-Za-z0-9_-]+$ ]] || die "not a cluster name: $CLUSTER"
    for x in $(names_running); do
        is_alive "$(pid_of "$x")" && die "$DIR is running ($x); stop it first"
    done

    use_version "$VERSION"
    t=$(now_ms)
    if [ -f "$DIR/.lab" ]; then
        rm -rf "$DIR/env" "$DIR/jvm.args" "$DIR/acl" "$DIR/log" "$DIR/run" "$DIR/tmp" "$DIR/scene" "$DIR/pop" "$DIR"/namesrv{,-?} "$DIR"/broker-?{,-slave}
    else
        for x in env log run namesrv broker-a; do [ ! -e "$DIR/$x" ] || die "$DIR/$x exists and no lab made it"; done
    fi
    : >"$DIR/.lab"
    mkdir -p "$DIR/log" "$DIR/run"
    [ ${#jvm[@]} -eq 0 ] || printf '%s\n' "${jvm[@]}" >"$DIR/jvm.args"
    trap give_up INT TERM

    take_blocks $((namesrvs + brokers * (1 + slaves)))
    for ((i = 1; i < namesrvs; i++)); do NAMESRVS+=" namesrv-$(letter $i)"; done
    n=0
    for x in $NAMESRVS; do write_namesrv_conf "$x" $((BLOCKS[n++] + 2)); done
    for ((i = 0; i < brokers; i++)); do
        x=broker-$(letter $i)
        write_broker_conf "$x" "$x" 0 ASYNC_MASTER $((BLOCKS[n++] + 2))
        [ $((LAB_TOPICS + LAB_GROUPS + ODD)) -eq 0 ] || write_tables "$DIR/$x/store/config"
        BROKERS="$BROKERS $x"
        [ $slaves -eq 0 ] && continue
        write_broker_conf "$x-slave" "$x" 1 SLAVE $((BLOCKS[n++] + 2))
        BROKERS="$BROKERS $x-slave"
    done
    BROKERS=${BROKERS# }

    # A broker that does not find its name server comes back only ten seconds later, so the order matters.
    for x in $NAMESRVS; do start_namesrv "$x"; done
    for x in $NAMESRVS; do wait_namesrv "$x"; done
    for x in $BROKERS; do start_broker "$x"; done
    write_env
    # shellcheck disable=SC2086 # names have no spaces
    if ! wait_ready $BROKERS; then
        show_logs
        give_up
    fi
    trap - INT TERM
    # shellcheck disable=SC1091,SC2153
    (. "$DIR/env"
     printf 'RocketMQ %s is ready after %s s: name server %s, %s in cluster %s, see %s\n' \
        "$VERSION" "$(seconds_since "$t")" "$NAMESRV" "$BROKERS" "$CLUSTER" "$DIR/env")
}

# ---------------------------------------------------------------------------------------------------------------
# the other words

# Sets DIR to the absolute path; every word but start wants a lab there.
open_dir() {
    [ -n "${1-}" ] || usage_error
    [ "${2-}" != make ] || mkdir -p "$1" || exit 1
    DIR=$(cd "$1" 2>/dev/null && pwd -P) || { [ "${2-}" = maybe ] && exit 0; die "no such directory: $1"; }
    [[ $DIR != *[[:space:]]* ]] || die "a lab directory may not have spaces in its name"
}

open_env() {
    open_dir "$1"
    [ -f "$DIR/env" ] || die "no lab runs in $DIR"
    # shellcheck disable=SC1091
    . "$DIR/env"
}

# For the words that talk to the servers.
open_lab() {
    open_env "$1"
    is_alive "$NS_PID" || die "the name server of $DIR does not run"
    use_version "$VERSION"
}

cmd_stop() {
    open_dir "$1" maybe
    [ -f "$DIR/.lab" ] || exit 0
    # shellcheck disable=SC2046
    end_all $(names_running)
    rm -f "$DIR/env"
    give_back_blocks
}

known_server() {
    [[ " $NAMESRVS $BROKERS " == *" $1 "* ]] || die "no server $1 in $DIR; there are: $NAMESRVS $BROKERS"
}

cmd_signal() {
    local pid
    open_env "$1"
    known_server "$2"
    pid=$(pid_of "$2")
    is_alive "$pid" || die "$2 does not run"
    kill -"$3" "$pid" || exit 1
    if [ "$3" = KILL ]; then
        until is_gone "$pid"; do sleep 0.02; done
        rm -f "$DIR/run/$2.pid"
    fi
}

# After a name server all brokers that run must have found it again.
cmd_restart() {
    local t x wanted=()
    open_env "$1"
    use_version "$VERSION"
    known_server "$2"
    t=$(now_ms)
    end_all "$2"
    : >"$DIR/log/$2.out"
    if [[ $2 == namesrv* ]]; then
        start_namesrv "$2"
        for x in $BROKERS; do is_alive "$(pid_of "$x")" && wanted+=("$x"); done
    else
        start_broker "$2"
        wanted=("$2")
    fi
    write_env
    wait_ready "${wanted[@]}" || { show_logs; exit 1; }
    say "ready after $(seconds_since "$t") s: ${wanted[*]}"
}

cmd_add() {
    local t name i=0
    open_env "$1"
    shift
    use_version "$VERSION"
    SETS=()
    while [ $# -gt 0 ]; do
        if [ "$1" != --set ] || [ $# -lt 2 ]; then usage_error "add does not know $1"; fi
        SETS+=("$2")
        shift 2
    done
    t=$(now_ms)
    while name=broker-$(letter $i) && [[ " $BROKERS " == *" $name "* ]]; do i=$((i + 1)); done
    take_blocks 1
    write_broker_conf "$name" "$name" 0 ASYNC_MASTER $((BLOCKS[0] + 2))
    BROKERS="$BROKERS $name"
    start_broker "$name"
    write_env
    wait_ready "$name" || { show_logs; exit 1; }
    say "ready after $(seconds_since "$t") s: $name"
}

# Sets HOME_V: where servers and mqadmin look for accounts.
home_of_lab() { HOME_V=$CACHE/$VERSION/home; [ ! -d "$DIR/acl" ] || HOME_V=$DIR/acl; }

# Accounts: labadmin (may do everything), labreader (least rights: what an agent needs), labbare (known, without any right). On 4.x any
# valid account may read everything.
cmd_acl() {
    local x auth=org.apache.rocketmq.auth
    open_env "$1"
    use_version "$VERSION"
    mkdir -p "$DIR/acl/conf"
    cp "$CACHE/$VERSION/home/conf/"*.xml "$DIR/acl/conf/"
    printf 'accessKey: labadmin\nsecretKey: labsecret123\n' >"$DIR/acl/conf/tools.yml"
    {
        printf 'accounts:\n- {accessKey: labadmin, secretKey: labsecret123, admin: true}\n'
        for x in reader bare; do
            printf -- '- {accessKey: lab%s, secretKey: %s12345, admin: false, defaultTopicPerm: DENY, defaultGroupPerm: DENY}\n' $x $x
        done
    } >"$DIR/acl/conf/plain_acl.yml"
    for x in $BROKERS; do
        if [ "${VERSION%%.*}" -lt 5 ]; then
            echo aclEnable=true
        else
            cat <<EOF
authenticationEnabled=true
authenticationProvider=$auth.authentication.provider.DefaultAuthenticationProvider
authenticationMetadataProvider=$auth.authentication.provider.LocalAuthenticationMetadataProvider
initAuthenticationUser={"username":"labadmin","password":"labsecret123"}
innerClientAuthenticationCredentials={"accessKey":"labadmin","secretKey":"labsecret123"}
authorizationEnabled=true
authorizationProvider=$auth.authorization.provider.DefaultAuthorizationProvider
authorizationMetadataProvider=$auth.authorization.provider.LocalAuthorizationMetadataProvider
EOF
        fi >>"$DIR/$x/server.conf"
    done
    # shellcheck disable=SC2086 # names have no spaces
    for x in $BROKERS; do
        ("$0" restart "$DIR" "$x") || exit 1
        [ "${VERSION%%.*}" -lt 5 ] || make_users "$(port_of "$x")" || die "the users could not be made"
    done
}

make_users() { # PORT
    local user mqadmin=(run_java 60 128m org.apache.rocketmq.tools.command.MQAdminStartup)
    for user in reader bare; do
        "${mqadmin[@]}" createUser -b "127.0.0.1:$1" -u "lab$user" -p "${user}12345" -t Normal || return 1
    done
    "${mqadmin[@]}" createAcl -b "127.0.0.1:$1" -s User:labreader -r 'Topic:*,Group:*,Cluster:*' -a Get,List -d Allow
}

run_java() { # MAX-SECONDS XMX JVM-ARGS...
    local max_s=$1 xmx=$2 extra=()
    shift 2
    read_jvm
    ! wants_tls || extra+=(-Dtls.enable=true "${JVM[@]}")
    mkdir -p "$DIR/log/home" "$DIR/tmp"
    home_of_lab
    ROCKETMQ_HOME=$HOME_V env -u NAMESRV_ADDR -u JAVA_TOOL_OPTIONS timeout -k 5 "$max_s" \
        java -Drocketmq.home.dir="$HOME_V" -Duser.home="$DIR/log/home" -Dfile.encoding=UTF-8 -Dlab.dir="$DIR" \
        -Djava.io.tmpdir="$DIR/tmp" -Drocketmq.client.logRoot="$DIR/log/home" "${OPENS[@]}" -XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx"$xmx" \
        "${extra[@]}" -cp "$CLASSPATH_V" "$@"
}

# ---------------------------------------------------------------------------------------------------------------
# the living scene; what is in it stands at the head of java/Scene.java

scene_process() { # ROLE SECONDS
    launch "scene-$1" "$2" -Xms16m -Xmx64m -Drocketmq.client.logUseSlf4j=false \
        -cp "$CLASSPATH_V" Scene "$1" "$NAMESRV" "$DIR/scene"
}

# await_state PROCESS FILE REGEX - waits until what the process says of itself matches. It may say so with its last breath.
await_state() {
    local until=$(($(now_ms) + STATE_LIMIT_S * 1000)) now='' ended=''
    while :; do
        [ -f "$2" ] && now=$(<"$2")
        [[ $now =~ ^($3)$ ]] && return 0
        [ -z "$ended" ] || { say "$1 ended, state ${now:-unknown}"; break; }
        is_alive "$(pid_of "$1")" || { ended=yes; continue; }
        [ "$(now_ms)" -lt "$until" ] || { say "$1 is ${now:-not up} after $STATE_LIMIT_S s, not $3"; break; }
        sleep 0.1
    done
    tail -n 20 "$DIR/log/${1%%-*}"*.out >&2
    return 1
}
scene_state() { await_state scene-main "$DIR/scene/main.state" "$@"; }
pop_state() { await_state pop "$DIR/pop/state" "$@"; }

cmd_scene() {
    local word=$2 life=$SCENE_LIFE_S t
    open_lab "$1"
    shift 2
    if [ $# -gt 0 ]; then
        [ "$word $1" = "start --life" ] || usage_error "$word does not know $1"
        life=$(number "$@") || exit 2
    fi
    t=$(now_ms)
    [ "$word" = start ] || [ -d "$DIR/scene" ] || die "no scene in $DIR"
    case $word in
    start)
        is_alive "$(pid_of scene-main)" && die "the scene is running"
        rm -rf "$DIR/scene"
        mkdir -p "$DIR/scene"
        scene_process main "$life"
        scene_process member "$life"
        scene_state 'running|full' || { end_all scene-main scene-member; exit 1; }
        say "the scene lives after $(seconds_since "$t") s"
        ;;
    wait)
        scene_state full || exit 1
        ;;
    hold)
        : >"$DIR/scene/hold"
        scene_state held || exit 1
        cat "$DIR/scene/summary.txt"
        ;;
    resume)
        rm -f "$DIR/scene/hold"
        scene_state 'running|full' || exit 1
        ;;
    freeze)
        : >"$DIR/scene/freeze"
        scene_state frozen || exit 1
        end_all scene-main scene-member
        cat "$DIR/scene/summary.txt"
        ;;
    stop) end_all scene-main scene-member ;;
    *) usage_error "no scene word $word" ;;
    esac
}

cmd_oracle() {
    open_lab "$1"
    run_java 600 512m -Dlab.life=600 Oracle "$NAMESRV"
}

# ---------------------------------------------------------------------------------------------------------------
# the benchmark scenes: java/Load.java

cmd_fill() {
    local per_queue=2 queues=4 behind=0
    open_lab "$1"
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --queue-0-only) queues=1; shift; continue ;;
        --every-tenth-behind) behind=1; shift; continue ;;
        --no-commit) behind=-1; shift; continue ;;
        --topics) LAB_TOPICS=$(number "$@") || exit 2 ;;
        --messages-per-queue) per_queue=$(number "$@") || exit 2 ;;
        *) usage_error "fill does not know $1" ;;
        esac
        shift 2
    done
    run_java 900 512m Load fill "$NAMESRV" "$LAB_TOPICS" "$LAB_GROUPS" "$per_queue" "$queues" "$behind"
}

cmd_touch() {
    local share=0.15 groups=0
    open_lab "$1"
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --topics) LAB_TOPICS=$(number "$@") || exit 2 ;;
        --share) [[ ${2-} =~ ^(0?\.[0-9]+|[01])$ ]] || usage_error "--share wants a fraction"; share=$2 ;;
        --consume) groups=$LAB_GROUPS; shift; continue ;;
        *) usage_error "touch does not know $1" ;;
        esac
        shift 2
    done
    run_java 300 256m Load touch "$NAMESRV" "$LAB_TOPICS" "$share" "$groups"
}

cmd_light() {
    open_lab "$1"
    run_java 60 128m Load light "$NAMESRV" "$2"
}

cmd_online() {
    local word=$2 life=$SCENE_LIFE_S i
    open_lab "$1"
    shift 2
    if [ $# -gt 0 ]; then
        [ "$word $1" = "start --life" ] || usage_error "$word does not know $1"
        life=$(number "$@") || exit 2
    fi
    case $word in
    start)
        is_alive "$(pid_of online)" && die "already online"
        : >"$DIR/log/online.out"
        launch online "$life" -Xmx128m -cp "$CLASSPATH_V" Load online "$NAMESRV" "$LAB_GROUPS" "$LAB_TOPICS"
        for ((i = 0; i < 300; i++)); do
            grep -q '^first heartbeats' "$DIR/log/online.out" && return 0
            is_alive "$(pid_of online)" || break
            sleep 0.1
        done
        tail -n 20 "$DIR/log/online.out" >&2
        end_all online
        die "could not get online"
        ;;
    stop) end_all online ;;
    *) usage_error "no online word $word" ;;
    esac
}

cmd_pop() {
    local word=$2
    open_lab "$1"
    case $word in
    start)
        rm -rf "$DIR/pop"
        mkdir -p "$DIR/pop"
        run_java 90 128m Pop setup "$NAMESRV" "$DIR/pop"
        ;;
    hold)
        [ -d "$DIR/pop" ] || die "no parcels in $DIR"
        is_alive "$(pid_of pop)" && die "the courier is under way"
        rm -f "$DIR/pop/state"
        : >"$DIR/pop/hold"
        launch pop "$SCENE_LIFE_S" -Xmx64m -cp "$CLASSPATH_V" Pop consume "$NAMESRV" "$DIR/pop"
        pop_state held || { end_all pop; exit 1; }
        ;;
    ack)
        rm -f "$DIR/pop/hold"
        pop_state 'done' || exit 1
        ;;
    stop) end_all pop ;;
    *) usage_error "no pop word $word" ;;
    esac
}

cmd_admin() {
    open_lab "$1"
    shift
    run_java 300 256m -Drocketmq.namesrv.addr="$NAMESRV" org.apache.rocketmq.tools.command.MQAdminStartup "$@"
}

main() {
    local word=${1-}
    [ $# -eq 0 ] || shift
    case $word in
    install) cmd_install "$@" ;;
    start) [ $# -ge 1 ] || usage_error; cmd_start "$@" ;;
    stop) [ $# -eq 1 ] || usage_error; cmd_stop "$1" ;;
    pause) [ $# -eq 2 ] || usage_error; cmd_signal "$1" "$2" STOP ;;
    resume) [ $# -eq 2 ] || usage_error; cmd_signal "$1" "$2" CONT ;;
    kill) [ $# -eq 2 ] || usage_error; cmd_signal "$1" "$2" KILL ;;
    restart) [ $# -eq 2 ] || usage_error; cmd_restart "$1" "$2" ;;
    add) [ $# -ge 1 ] || usage_error; cmd_add "$@" ;;
    acl) [ $# -eq 1 ] || usage_error; cmd_acl "$1" ;;
    scene) [ $# -ge 2 ] || usage_error; cmd_scene "$@" ;;
    oracle) [ $# -eq 1 ] || usage_error; cmd_oracle "$1" ;;
    fill) [ $# -ge 1 ] || usage_error; cmd_fill "$@" ;;
    touch) [ $# -ge 1 ] || usage_error; cmd_touch "$@" ;;
    light) [ $# -eq 2 ] || usage_error; cmd_light "$@" ;;
    online) [ $# -ge 2 ] || usage_error; cmd_online "$@" ;;
    pop) [ $# -eq 2 ] || usage_error; cmd_pop "$@" ;;
    admin) [ $# -ge 2 ] || usage_error; cmd_admin "$@" ;;
    help | -h | --help) usage ;;
    *) usage_error ;;
    esac
}

# On one line, so that a script replaced while it runs is not read any further.
main "$@"; exit
