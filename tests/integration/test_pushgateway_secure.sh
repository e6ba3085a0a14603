#!/usr/bin/env bash
# test_pushgateway_secure.sh - a real Pushgateway behind TLS that asks for a client certificate and a password, a real proxy on the
# way, and several gateways in one configuration: what reaches it, what is said when something does not fit, and no secret anywhere.
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/.." || exit 1
MQPUSH=${MQPUSH:-$PWD/mqpush}
for program in prometheus-pushgateway openssl tinyproxy python3 jq; do
    command -v "$program" >/dev/null || { echo "$program is not installed" && exit 77; }
done
dir=$(mktemp -d /tmp/mqpush-secure.XXXXXX)
pids=()
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY http_proxy https_proxy no_proxy

# shellcheck disable=SC2317  # runs from the trap
cleanup() {
    stop_pid "${pids[@]}"
    rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# Certificates ----------------------------------------------------------------------------------------------------------

sign() { # sign NAME EXTENSION: NAME.pem and NAME.key, signed by ca
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$dir/$1.key" -out "$dir/$1.csr" 2>/dev/null
    openssl x509 -req -in "$dir/$1.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 2 -out "$dir/$1.pem" \
        -extfile <(echo "$2") 2>/dev/null
}
for ca in ca other; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$ca" -days 2 -keyout "$dir/$ca.key" \
        -out "$dir/$ca.pem" 2>/dev/null
done
sign server subjectAltName=IP:127.0.0.1
sign agent extendedKeyUsage=clientAuth
openssl ec -in "$dir/agent.key" -aes256 -passout pass:s3cret-key -out "$dir/locked.key" 2>/dev/null
cat "$dir/agent.pem" "$dir/agent.key" >"$dir/both.pem"
printf 's3cret-basic\n' >"$dir/password"

# Peers -----------------------------------------------------------------------------------------------------------------

# The hash is of s3cret-basic.
cat >"$dir/web.yml" <<END
tls_server_config:
  cert_file: $dir/server.pem
  key_file: $dir/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: $dir/ca.pem
basic_auth_users:
  agent: \$2b\$04\$abcdefghijklmnopqrstuupx8VyLFcHoDzPWkicmWeWopoq/128iS
END
port=$(free_port)
prometheus-pushgateway --web.listen-address="127.0.0.1:$port" --persistence.file= --web.config.file="$dir/web.yml" >"$dir/tls.log" 2>&1 &
pids+=($!)
gw=https://127.0.0.1:$port
ask() { curl -sf --cacert "$dir/ca.pem" --cert "$dir/agent.pem" --key "$dir/agent.key" -u agent:s3cret-basic "$@"; }
wait_for 10 ask "$gw/-/ready" || { sed 's/^/  /' "$dir/tls.log" && not_ok "a Pushgateway with TLS starts" && done_testing; exit; }

start_gateway "$dir" || not_ok "a plain Pushgateway starts"
pids+=("$gateway_pid")

proxy_port=$(free_port)
cat >"$dir/proxy.conf" <<END
Port $proxy_port
Listen 127.0.0.1
Timeout 20
MaxClients 10
LogFile "$dir/proxy.log"
LogLevel Connect
BasicAuth us s3cret-proxy
Allow 127.0.0.1
END
tinyproxy -d -c "$dir/proxy.conf" >"$dir/proxy.out" 2>&1 &
pids+=($!)
wait_for 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$proxy_port" || not_ok "the proxy starts"

# What is tried ---------------------------------------------------------------------------------------------------------

config() { # config LINE...: a file with one sink
    printf '[source rocketmq]\nnamesrv = 127.0.0.1:1\n[sink pushgateway]\n' >"$dir/mqpush.conf"
    printf '%s\n' "$@" >>"$dir/mqpush.conf"
    chmod 600 "$dir/mqpush.conf"
}
# Nobody listens on port 1: nothing can be collected, and what the agent has to tell about itself still arrives.
push() { # push INSTANCE LINE...: all that is said in $dir/err; true if the group has arrived
    local instance=$1
    shift
    config "instance = $instance" "$@"
    timeout 60 "$MQPUSH" once -v -c "$dir/mqpush.conf" --interval 2s >"$dir/out" 2>"$dir/err" </dev/null
    cat "$dir/out" "$dir/err" >>"$dir/all"
    { ask "$gw/api/v1/metrics" || true; curl -sf "$gateway/api/v1/metrics"; } |
        jq -es --arg i "$instance" 'map(.data[]) | map(select(.labels.instance == $i)) | length == 1' >/dev/null
}
arrives() { # arrives CLAIM INSTANCE LINE...
    local claim=$1
    shift
    push "$@" && ok "$claim" && return
    not_ok "$claim"
    sed 's/^/  said: /' "$dir/err"
}
fails() { # fails CLAIM TEXT INSTANCE LINE...: nothing arrives, and TEXT is said
    local claim=$1 text=$2
    shift 2
    if ! push "$@" && grep -qE -- "$text" "$dir/err"; then ok "$claim" && return; fi
    not_ok "$claim"
    sed 's/^/  said: /' "$dir/err"
}

login=("username = agent" "password = \${FILE:$dir/password}")
trust=("ca_file = $dir/ca.pem")
mine=("cert_file = $dir/agent.pem" "key_file = $dir/agent.key")

arrives "CA, client certificate and password of the file reach the gateway" all "url = $gw" "${trust[@]}" "${mine[@]}" "${login[@]}"
arrives "the key may stand in the certificate's file" both "url = $gw" "${trust[@]}" "cert_file = $dir/both.pem" "${login[@]}"
arrives "and may be encrypted" locked "url = $gw" "${trust[@]}" "cert_file = $dir/agent.pem" "key_file = $dir/locked.key" \
    "key_password = s3cret-key" "${login[@]}"
arrives "user and password may stand in the URL" url "url = https://agent:s3cret-basic@127.0.0.1:$port" "${trust[@]}" "${mine[@]}"
arrives "headers may do the same" headers "url = $gw" "${trust[@]}" "${mine[@]}" \
    "headers = X-Scope-OrgID: site 7 | Authorization: Basic $(printf agent:s3cret-basic | base64)"
arrives "verify = no takes any certificate" any "url = $gw" "verify = no" "${mine[@]}" "${login[@]}"

fails "a gateway signed by nobody we know is refused" 'the certificate is not trusted' unknown "url = $gw" "${mine[@]}" "${login[@]}"
fails "so is one signed by another CA" 'the certificate is not trusted' other "url = $gw" "ca_file = $dir/other.pem" "${mine[@]}" "${login[@]}"
fails "so is one with another name" 'the certificate is not trusted' name "url = https://localhost:$port" "${trust[@]}" "${mine[@]}" "${login[@]}"
fails "without a client certificate nothing arrives, and TLS is blamed" 'certificate required|bad certificate|no TLS|the connection broke' \
    nobody "url = $gw" "${trust[@]}" "${login[@]}"
fails "a wrong password is said" 'answered 401, user, password or token' wrong "url = $gw" "${trust[@]}" "${mine[@]}" "username = agent" \
    "password = s3cret-wrong"
started=$SECONDS
fails "an encrypted key without its password fails" 'the certificate or key of ours cannot be used' asks "url = $gw" "${trust[@]}" \
    "cert_file = $dir/agent.pem" "key_file = $dir/locked.key" "${login[@]}"
check "at once, and asks nobody" test $((SECONDS - started)) -le 8
fails "https to a plain port is said" 'no TLS' plain "url = ${gateway/http:/https:}"

# The proxy -------------------------------------------------------------------------------------------------------------

proxy="proxy = http://us:s3cret-proxy@127.0.0.1:$proxy_port"
arrives "a plain gateway is reached through a proxy" through "url = $gateway" "$proxy"
check "which has seen the request" grep -q "PUT http://${gateway#http://}/metrics/job/rocketmq/instance/through" "$dir/proxy.log"
arrives "a TLS gateway as well, and the proxy sees a tunnel only" tunnel "url = $gw" "$proxy" "${trust[@]}" "${mine[@]}" "${login[@]}"
check "which it has opened" grep -q "CONNECT 127.0.0.1:$port" "$dir/proxy.log"
fails "a proxy that wants a login is said" 'answered 407, user or password for the proxy is missing' denied "url = $gateway" \
    "proxy = http://127.0.0.1:$proxy_port"
fails "for a tunnel too" 'the proxy answered 407: user or password for it' closed "url = $gw" \
    "proxy = http://127.0.0.1:$proxy_port" "${trust[@]}" "${mine[@]}" "${login[@]}"
fails "and so is a login that is wrong" 'the proxy answered 40[17]: user or password for it' refused "url = $gw" \
    "proxy = http://us:s3cret-no@127.0.0.1:$proxy_port" "${trust[@]}" "${mine[@]}" "${login[@]}"
fails "a proxy that is away is said" 'Connection refused' away "url = $gateway" "proxy = http://127.0.0.1:1"

# Looking first ---------------------------------------------------------------------------------------------------------

config "url = $gw" "$proxy" "${trust[@]}" "cert_file = $dir/agent.pem" "key_file = $dir/locked.key" "key_password = s3cret-key" \
    "${login[@]}" "headers = X-Token: s3cret-header"
"$MQPUSH" config check --connect -c "$dir/mqpush.conf" >"$dir/check" 2>&1
check "config check --connect reaches it all the way" grep -qE "^ok .*sink pushgateway .* Pushgateway [0-9]" "$dir/check"
"$MQPUSH" config show -c "$dir/mqpush.conf" >>"$dir/check" 2>&1
"$MQPUSH" once --dry-run -c "$dir/mqpush.conf" >>"$dir/check" 2>&1
"$MQPUSH" sweep --dry-run --older-than 0s -c "$dir/mqpush.conf" >"$dir/swept" 2>&1
check "sweep goes the same way" grep -q "would be deleted" "$dir/swept"
same "no secret was said anywhere" "" "$(cat "$dir/all" "$dir/check" "$dir/swept" | grep -o 's3cret[a-z-]*\|czNjcmV0[A-Za-z0-9]*' | sort -u)"
check "and something was said" test -s "$dir/all"

# Several gateways: one accepts connections and never says a word ---------------------------------------------------------

python3 - >"$dir/port" <<'END' &
import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(16)
print(s.getsockname()[1], flush=True)
time.sleep(60)
END
pids+=($!)
wait_for 10 test -s "$dir/port"
cat >"$dir/mqpush.conf" <<END
[agent]
interval = 1s
[source rocketmq]
namesrv = 127.0.0.1:1
[sink pushgateway]
url = $gateway
instance = lively
[sink pushgateway hung]
url = http://127.0.0.1:$(cat "$dir/port")
instance = lively
END
"$MQPUSH" run -c "$dir/mqpush.conf" >"$dir/run" 2>&1 &
run=$!
pids+=("$run")
delivered() { # so many batches have been delivered, says the page that the good gateway holds
    curl -sf "$gateway/metrics" | grep 'mqpush_sink_batches_total{' | grep 'instance="lively"' | grep 'sink="pushgateway"' |
        grep -E 'result="(ok|delivered)"' | awk -v n="$1" '{ exit !($NF >= n) }'
}
started=$SECONDS
check "a gateway beside one that hangs gets five intervals" wait_for 20 delivered 5
check "in about five seconds" test $((SECONDS - started)) -le 9
figure "five intervals of 1 s beside a hanging gateway took $((SECONDS - started)) s"
kill "$run"
wait_for 15 test ! -e "/proc/$run" || kill -9 "$run"

done_testing
