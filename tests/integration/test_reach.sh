#!/usr/bin/env bash
# test_reach.sh - real brokers where they are hard to reach: behind TLS that asks for a client certificate, behind proxies, at
# advertised addresses that lead nowhere, on IPv6. What reaches them, what is said when something does not fit, no secret anywhere.
# cluster: 63 s
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush}
for program in openssl tinyproxy microsocks python3 java; do
    command -v "$program" >/dev/null || { echo "$program is not installed" && exit 77; }
done
dir=$(mktemp -d /tmp/mqpush-reach.XXXXXX)
pids=()
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY http_proxy https_proxy all_proxy no_proxy

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    stop_pid "${pids[@]}"
    "$lab" stop "$dir/lab" >/dev/null 2>&1
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Certificates: RSA in PKCS#8, as the servers want them --------------------------------------------------------------------

sign() { # sign NAME EXTENSION: NAME.pem and NAME.key, signed by ca
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$dir/$1.key" -out "$dir/$1.csr" 2>/dev/null
    openssl x509 -req -in "$dir/$1.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 2 -out "$dir/$1.pem" \
        -extfile <(echo "$2") 2>/dev/null
}
for ca in ca other; do
    openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=$ca" -days 2 -keyout "$dir/$ca.key" -out "$dir/$ca.pem" 2>/dev/null
done
sign server subjectAltName=DNS:brokers.example
sign agent extendedKeyUsage=clientAuth
openssl rsa -in "$dir/agent.key" -aes256 -passout pass:s3cret-key -out "$dir/locked.key" 2>/dev/null

# Proxies -------------------------------------------------------------------------------------------------------------------

proxy_port=$(free_port)
printf '%s\n' "Port $proxy_port" 'Listen 127.0.0.1' 'Timeout 20' 'MaxClients 20' 'Allow 127.0.0.1' 'BasicAuth us s3cret-proxy' \
    "LogFile \"$dir/proxy.log\"" 'LogLevel Connect' >"$dir/proxy.conf"
tinyproxy -d -c "$dir/proxy.conf" >"$dir/proxy.out" 2>&1 &
pids+=($!)
socks_port=$(free_port)
microsocks -i 127.0.0.1 -p "$socks_port" -u us -P s3cret-socks >"$dir/socks.log" 2>&1 &
pids+=($!)
for port in "$proxy_port" "$socks_port"; do
    wait_for 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" || not_ok "a proxy listens on $port"
done
http_proxy_is="proxy = http://us:s3cret-proxy@127.0.0.1:$proxy_port"
socks_proxy_is="proxy = socks5h://us:s3cret-socks@127.0.0.1:$socks_port"

# What is tried -------------------------------------------------------------------------------------------------------------

probe() { # probe LINE...: config check --connect of one source with these lines; what is said is in $dir/out
    printf '[source rocketmq]\n' >"$dir/mqpush.conf"
    printf '%s\n' "$@" >>"$dir/mqpush.conf"
    printf '[sink stdout]\n' >>"$dir/mqpush.conf"
    chmod 600 "$dir/mqpush.conf"
    timeout 30 "$MQPUSH" config check --connect -c "$dir/mqpush.conf" >"$dir/out" 2>&1 </dev/null
    local code=$?
    cat "$dir/out" >>"$dir/all"
    return $code
}
said() { sed 's/^/  said: /' "$dir/out"; }
reaches() { # reaches CLAIM LINE...: the name server and the broker answer
    local claim=$1
    shift
    if probe "$@" && grep -q '^ok .*broker-a of cluster lab' "$dir/out"; then ok "$claim"; else not_ok "$claim" && said; fi
}
fails() { # fails CLAIM TEXT LINE...
    local claim=$1 text=$2
    shift 2
    if ! probe "$@" && grep -qE -- "$text" "$dir/out"; then ok "$claim"; else not_ok "$claim: no line like: $text" && said; fi
}
start_lab() {
    "$lab" start "$dir/lab" "$@" >"$dir/lab.log" 2>&1 || { sed 's/^/  /' "$dir/lab.log" && not_ok "the lab starts" && done_testing; exit 1; }
    # shellcheck disable=SC1091
    . "$dir/lab/env"
    at="namesrv = $NAMESRV"
}

# TLS only, client certificate required -------------------------------------------------------------------------------------

tls=()
for property in server.mode=enforcing test.mode.enable=false config.file=/nonexistent server.certPath="$dir/server.pem" \
    server.keyPath="$dir/server.key" server.trustCertPath="$dir/ca.pem" server.need.client.auth=require server.authClient=true \
    client.authServer=true client.trustCertPath="$dir/ca.pem" client.certPath="$dir/agent.pem" client.keyPath="$dir/agent.key"; do
    tls+=(--jvm "-Dtls.$property")
done
start_lab "${tls[@]}" --topics 1000 --groups 1000
require=("$at" "tls = require" "tls_ca_file = $dir/ca.pem")
us=("tls_cert_file = $dir/agent.pem" "tls_key_file = $dir/agent.key")
ca=("tls_verify = ca")
reaches "TLS with a client certificate; whose names do not fit, under tls_verify = ca" "${require[@]}" "${us[@]}" "${ca[@]}"
reaches "tls = try, where TLS is all there is" "$at" "tls = try" "tls_ca_file = $dir/ca.pem" "${us[@]}" "${ca[@]}"
reaches "any certificate, under tls_verify = none" "$at" "tls = require" "tls_verify = none" "${us[@]}"
reaches "a key with a password" "${require[@]}" "tls_cert_file = $dir/agent.pem" "tls_key_file = $dir/locked.key" \
    "tls_key_password = s3cret-key" "${ca[@]}"
reaches "TLS through an HTTP proxy" "${require[@]}" "${us[@]}" "${ca[@]}" "$http_proxy_is"
reaches "TLS through a SOCKS5 proxy" "${require[@]}" "${us[@]}" "${ca[@]}" "$socks_proxy_is"
probe "${require[@]}" "${us[@]}" "${ca[@]}"
timeout 60 "$MQPUSH" status topics --live -c "$dir/mqpush.conf" -o csv >"$dir/topics" 2>>"$dir/all"
same "large answers come whole through TLS: 1000 topics" 1000 "$(grep -cE '[,"]T[0-9]{5}[,"]' "$dir/topics")"
fails "a certificate for another name is refused" 'certificate is not trusted: .*127\.0\.0\.1.*; see option tls_verify' "${require[@]}" "${us[@]}"
fails "a wrong CA is refused" 'certificate is not trusted: .*; see option tls_ca_file' "$at" "tls = require" \
    "tls_ca_file = $dir/other.pem" "${us[@]}" "${ca[@]}"
fails "a wrong CA is refused under try, too: no way around it without TLS" 'certificate is not trusted' "$at" "tls = try" \
    "tls_ca_file = $dir/other.pem" "${us[@]}" "${ca[@]}"
fails "no client certificate" 'refuses TLS with us .*client certificate\? see option tls_cert_file' "${require[@]}" "${ca[@]}"
fails "a wrong password of the key" 'our certificate or key cannot be used' "${require[@]}" "tls_cert_file = $dir/agent.pem" \
    "tls_key_file = $dir/locked.key" "tls_key_password = s3cret-wrong" "${ca[@]}"
fails "without TLS the server hangs up, which is said" 'closed the connection without an answer .*TLS only' "$at"
"$lab" stop "$dir/lab" >/dev/null 2>&1

# No TLS, and an advertised address that leads nowhere -------------------------------------------------------------------------

start_lab --set brokerIP1=127.0.0.99 --jvm -Dtls.server.mode=disabled
port=${BROKER_A##*:}
gone="127.0.0.99:$port"
exact="rewrite = $gone=127.0.0.1:$port"
fails "an advertised address that cannot be reached" \
    "the name server lists lab/broker-a at ${gone//./\\.}, which cannot be reached from here \(Connection refused\); see option rewrite" "$at"
reaches "rewritten exactly" "$at" "$exact"
reaches "rewritten by host" "$at" "rewrite = 127.0.0.99=localhost"
timeout 30 "$MQPUSH" status brokers -n "$NAMESRV" --set "source.rocketmq.rewrite=127.0.0.99=127.0.0.1" -o csv >"$dir/out" 2>&1
check "the tables keep the advertised address" grep -q "broker-a.*$gone" "$dir/out"
reaches "tls = try, where there is none" "$at" "tls = try" "$exact"
fails "tls = require, where there is none" 'no TLS there' "$at" "tls = require" "$exact"
reaches "through an HTTP proxy" "$at" "$http_proxy_is" "$exact"
reaches "through a SOCKS5 proxy, names and all" "namesrv = localhost:${NAMESRV##*:}" "$socks_proxy_is" "$exact"
fails "a proxy that knows us not" 'the proxy answered 40[17]: user or password for it is missing or wrong' "$at" \
    "proxy = http://us:s3cret-wrong@127.0.0.1:$proxy_port"
fails "a SOCKS5 proxy that knows us not" 'the proxy opens no way to there' "$at" "proxy = socks5://us:s3cret-wrong@127.0.0.1:$socks_port"
fails "a proxy that is not there" 'the proxy cannot be reached: Connection refused' "$at" "proxy = http://127.0.0.1:1"
fails "an advertised address out of the proxy's reach, too" 'lists lab/broker-a at .*cannot be reached from here \(the proxy' "$at" "$http_proxy_is"

# IPv6: the servers of the lab listen on 127.0.0.1, so something forwards.
if [ -e /proc/net/if_inet6 ] && grep -q '^0*1 ' /proc/net/if_inet6; then
    ipv6_port=$(free_port)
    python3 - "$ipv6_port" "${NAMESRV##*:}" "$port" >"$dir/ipv6.log" 2>&1 <<'PY' &
import asyncio, sys
async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
def to(port):
    async def serve(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer), return_exceptions=True)
    return serve
async def main():
    await asyncio.start_server(to(int(sys.argv[2])), "::1", int(sys.argv[1]))
    await asyncio.start_server(to(int(sys.argv[3])), "::1", int(sys.argv[3]))
    await asyncio.sleep(300)
asyncio.run(main())
PY
    pids+=($!)
    wait_for 10 python3 -c "import socket; socket.create_connection(('::1', $ipv6_port))"
    reaches "a name server and a broker on IPv6" "namesrv = [::1]:$ipv6_port" "rewrite = 127.0.0.99=[::1]"
    reaches "IPv6 by libcurl" "namesrv = [::1]:$ipv6_port" "tls = try" "rewrite = 127.0.0.99=[::1]"
else
    figure "no IPv6 on this machine"
fi

# A web server tells where the name servers are.
mkdir -p "$dir/web/rocketmq"
echo "$NAMESRV" >"$dir/web/rocketmq/nsaddr"
web_port=$(free_port)
python3 -m http.server "$web_port" --bind 127.0.0.1 --directory "$dir/web" >"$dir/web.log" 2>&1 &
web_pid=$!
wait_for 10 curl -sf "http://127.0.0.1:$web_port/rocketmq/nsaddr" -o /dev/null
told="address_server = http://127.0.0.1:$web_port"
reaches "name servers told by an address server" "$told" "$exact"
check "which is said, too" grep -q "^ok .*address server 127.0.0.1:$web_port *tells 1 name server" "$dir/out"
reaches "an address server behind the proxy" "$told" "$http_proxy_is" "$exact"
fails "a page that is not there" "address server 127.0.0.1:$web_port: answered 404" "$told/nothing/here" "$exact"
printf '%s\n' '[agent]' 'interval = 1s' '[source rocketmq]' "$told" "$exact" '[sink sqlite]' "path = $dir/told.db" >"$dir/told.conf"
"$MQPUSH" run -c "$dir/told.conf" >"$dir/told.log" 2>&1 &
agent=$!
pids+=("$agent")
looks() { sqlite3 "$dir/told.db" 'SELECT count(*) FROM intervals WHERE complete = 1' 2>/dev/null || echo 0; }
at_least() { [ "$(looks)" -ge "$1" ]; }
wait_for 20 at_least 2
stop_pid "$web_pid"
before=$(looks)
wait_for 20 at_least $((before + 3))
check "run does not need it any more once it has told" at_least $((before + 3))
stop_pid "$agent"

check "no secret in anything that was said" bash -c '! grep -q s3cret "$0"' "$dir/all"
done_testing
