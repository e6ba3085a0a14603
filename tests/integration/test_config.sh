#!/usr/bin/env bash
# test_config.sh - what `mqpush config` and every command say to a configuration that is wrong, and with which exit code.
# shellcheck disable=SC2016  # ${ENV:X} is the configuration's, not the shell's
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
MQPUSH=${MQPUSH:-$tests/../mqpush}
conf="$tests/../conf"
dir=$(mktemp -d /tmp/mqpush-config.XXXXXX)
# shellcheck disable=SC2317  # runs from the trap
cleanup() { rm -rf "$dir"; }
trap cleanup EXIT
cd "$dir" || exit 1
unset MQPUSH_CONFIG NAMESRV_ADDR STATE_DIRECTORY CREDENTIALS_DIRECTORY SECRET

# says CLAIM CODE TEXT ARGUMENT...: mqpush ARGUMENT... exits with CODE and TEXT is in its standard error (if not empty)
says() {
    local claim=$1 wanted=$2 text=$3 rc=0
    shift 3
    timeout 20 "$MQPUSH" "$@" >"$dir/out" 2>"$dir/err" </dev/null || rc=$?
    if [ "$rc" -eq "$wanted" ] && { [ -z "$text" ] || grep -qF -- "$text" "$dir/err"; }; then
        ok "$claim"
    else
        not_ok "$claim"
        printf '  wanted: exit %s, %s\n  got:    exit %s, %s\n' "$wanted" "$text" "$rc" "$(cat "$dir/err")"
    fi
}

# wrong CLAIM TEXT LINE...: `config check` refuses a file of these lines with 78 and this text
wrong() {
    local claim=$1 text=$2
    shift 2
    printf '%s\n' "$@" >"$dir/x.conf"
    says "$claim" 78 "$text" config check -c x.conf
}

# Files ---------------------------------------------------------------------------------------------------------------

wrong "an unknown section names the near one" 'x.conf:1: [agnet]: unknown section' '[agnet]'
wrong "an unknown option names the near one" 'x.conf:2: [agent] has no option intervall (did you mean interval?)' '[agent]' 'intervall = 5s'
wrong "an unknown option of a sink names the near one" 'x.conf:3: [sink pushgateway] has no option jop (did you mean job?)' \
    '[sink pushgateway]' 'url = http://127.0.0.1:1' 'jop = x'
wrong "an unknown type of sink names the near one" '(did you mean pushgateway?)' '[sink pushgatway]'
wrong "an unknown type of source lists those there are" 'expected one of: rocketmq' '[source kafka]'
wrong "a repeated section says where the first is" 'x.conf:3: [sink stdout]: this section stands already at x.conf:1' \
    '[sink stdout]' '' '[sink stdout]'
wrong "a repeated option says where the first is" 'x.conf:3: interval: this option is set already at x.conf:2' \
    '[agent]' 'interval = 5s' 'interval = 6s'
wrong "a duration needs its unit" 'x.conf:2: interval = 5: expected a duration' '[agent]' 'interval = 5'
wrong "a value out of its limits names them" 'must lie between 1000 ms and 3600000 ms' '[agent]' 'interval = 1ms'
wrong "a choice lists what there is" 'expected one of error, warning, info, debug' '[agent]' 'log_level = loud'
wrong "a label that every metric has is refused" 'label topic' '[agent]' 'labels = topic=x'
wrong "a missing option is asked for" 'x.conf:1: [sink pushgateway] needs the option url' '[sink pushgateway]'
wrong "a pattern that fits no metric is refused" 'matches no metric' '[sink stdout]' 'metrics = rocketmq_mistake_*'
wrong "a pattern that fits no table is refused" 'matches no table (did you mean backlogs?)' '[sink stdout]' 'tables = backlog'
wrong "a line without meaning is named" 'x.conf:2: expected a [section] or option = value' '[agent]' 'interval 5s'
wrong "an option outside of any section is named" 'x.conf:1: interval: expected a section' 'interval = 5s'
wrong "a missing include is named" 'x.conf:1: include: missing.conf: cannot be read: No such file or directory' 'include = missing.conf'
wrong "a file that includes itself is refused" 'x.conf:1: include: x.conf: includes itself' 'include = x.conf'
wrong "a variable that is not set is named" 'url: ${ENV:NOT_SET_ANYWHERE}: this environment variable is not set' \
    '[sink pushgateway]' 'url = http://${ENV:NOT_SET_ANYWHERE}'
wrong "a secret's file that is not there is named" '/nowhere/key: No such file or directory' '[agent]' 'state_dir = ${FILE:/nowhere/key}'

printf '[agent]\nintervall = 5s\nlog_level = loud\n[sink pushgatway]\n[sink stdout]\nmax_series = many\n' >many.conf
"$MQPUSH" config check -c many.conf 2>many.err
same "every mistake is said, not only the first" "2 3 4 6" "$(cut -d: -f2 many.err | xargs)"

says "a file that is not there is named" 78 'none.conf: cannot be read: No such file or directory' config check -c none.conf
says "a directory is no file" 78 '.: cannot be read: Is a directory' config check -c .
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
    printf '[agent]\n' >closed.conf
    chmod 700 closed.conf
    chmod 755 "$dir"
    cp "$MQPUSH" "$dir/mqpush" # where the other user may reach it
    rc=0
    setpriv --reuid=65534 --regid=65534 --clear-groups "$dir/mqpush" config check -c "$dir/closed.conf" 2>err || rc=$?
    same "a file that may not be read exits 78" 78 "$rc"
    check "a file that may not be read is named" grep -qF "closed.conf: cannot be read: Permission denied" err
fi

# The command line ----------------------------------------------------------------------------------------------------

says "an unknown option names the near one" 2 'unknown option --conect (did you mean --connect?)' config check --conect
says "an abbreviated option is not taken" 2 'unknown option --int (did you mean --interval?)' config check --int 5s
says "an unknown word names the near one" 2 'unknown word chekc (did you mean check?)' config chekc
says "a missing word is a usage error" 2 'an argument is missing' config
says "a value is asked for" 2 '--to: URL is missing' config check --to
says "a wrong scheme names the near one" 2 'unknown scheme, expected one of: ' config check -c /dev/null --to htp://127.0.0.1
says "a wrong scheme names what was meant" 2 '(did you mean http?)' config check -c /dev/null --to htp://127.0.0.1
says "an address without a scheme says what is expected" 2 'unknown scheme' config check -c /dev/null --to 127.0.0.1:9091
says "an unknown option in a URL names the near one" 2 'has no option jop (did you mean job?)' \
    config check -c /dev/null --to 'http://127.0.0.1:1?jop=x'
says "a wrong value in a URL is a usage error" 2 'timeout = 5: expected a duration' config check -c /dev/null --to 'http://127.0.0.1:1?timeout=5'
says "a wrong --set names the near option" 2 '(did you mean interval?)' config check -c /dev/null --set agent.intervall=5s
says "a --set without a section lists those there are" 2 'there are: agent, sink.stdout' \
    config check -c /dev/null --to stdout: --set sink.stdut.timeout=5s
says "a wrong --label says its form" 2 'expected name=value' config check -c /dev/null --label env
says "run without a source says how to name one" 78 'no source: add a [source rocketmq] section' run -c /dev/null
says "once without a source says how to name one" 78 'no source' once -c /dev/null
says "a password on the command line is not repeated" 2 '--to http://me:***@127.0.0.1' config check -c /dev/null --to 'http://me:hunter2@127.0.0.1?x=y'
check "nor anywhere else in the message" test "$(grep -c hunter2 "$dir/err")" -eq 0

# Help ----------------------------------------------------------------------------------------------------------------

for word in $("$MQPUSH" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | grep -vx help); do
    "$MQPUSH" "$word" --help >help 2>err
    same "$word --help goes to standard output, 80 columns at most" "0 yes" "$(wc -c <err) $([ "$(wc -L <help)" -le 80 ] && echo yes)"
    lines=$(wc -l <help)
    case "$word" in
    status) check "$word --help fits two screens" test "$lines" -le 48 ;; # a dozen filters do not fit one
    *) check "$word --help fits a screen" test "$lines" -le 24 ;;
    esac
    check "help $word is $word --help" cmp -s help <("$MQPUSH" help "$word")
done

# Good ones -----------------------------------------------------------------------------------------------------------

says "mqpush.conf is good as it stands" 0 '' config check -c "$conf/mqpush.conf"
says "minimal.conf is good" 0 '' config check -c "$conf/minimal.conf"
same "a good file gets one line" 1 "$(wc -l <"$dir/out")"
"$MQPUSH" config reference >reference.conf
check "mqpush.conf is what config reference prints" cmp -s reference.conf "$conf/mqpush.conf"

printf '[agent]\nlabels = env=prod\n[sink pushgateway]\nurl = http://me:hunter2@127.0.0.1:1\n' >s.conf
chmod 644 s.conf
SECRET=hunter3 "$MQPUSH" config show -c s.conf --interval 7s --set 'sink.pushgateway.job=${ENV:SECRET}' >shown
check "config show tells an option of the file by its line" grep -qE '^labels = env=prod +; s.conf:2$' shown
check "config show tells an option of the command line" grep -qE '^interval = 7s +; --interval$' shown
check "config show tells a default" grep -qE '^stop_timeout = 10s +; default$' shown
check "config show has no secret in it" test "$(grep -cE 'hunter[23]' shown)" -eq 0
says "a secret that everybody may read is a warning" 0 's.conf:4: warning: url: a secret in a file that everybody may read' config check -c s.conf
chmod 600 s.conf
"$MQPUSH" config check -c s.conf >/dev/null 2>err
same "which goes away with the mode" 0 "$(grep -c 'a secret' err)"

printf '[agent]\ninterval = 9s\n' >e.conf
check "MQPUSH_CONFIG names the file" grep -qE '^interval = 9s +; e.conf:2$' <(MQPUSH_CONFIG=e.conf "$MQPUSH" config show)
check "-c is above MQPUSH_CONFIG" grep -qE '^interval = 60s +; default$' <(MQPUSH_CONFIG=e.conf "$MQPUSH" config show -c /dev/null)
check "NAMESRV_ADDR names a source" grep -qE '^namesrv = 127.0.0.1:2 +; NAMESRV_ADDR$' <(NAMESRV_ADDR=127.0.0.1:2 "$MQPUSH" config show -c /dev/null)

# Reaching ------------------------------------------------------------------------------------------------------------

says "--connect says what cannot be reached and exits 1" 1 '' config check --connect -c /dev/null -n 127.0.0.1:1 --to http://127.0.0.1:1 --to "sqlite:$dir/h.db"
check "the source that is away is named" grep -qE '^FAILED  source rocketmq  .*[0-9]+ ms$' "$dir/out"
check "the sink that is away is named" grep -qE '^FAILED  sink pushgateway  http://127.0.0.1:1  .*[0-9]+ ms$' "$dir/out"
check "and left as it was" test ! -e "$dir/h.db"
check "the sink that is there is ok" grep -qE '^ok      sink sqlite  .*[0-9]+ ms$' "$dir/out"
if command -v prometheus-pushgateway >/dev/null && start_gateway "$dir"; then
    says "--connect exits 0 when all is there" 0 '' config check --connect -c /dev/null --to "$gateway" --to stdout:
    check "the gateway tells its version" grep -qE '^ok      sink pushgateway  http://.*Pushgateway .*[0-9]+ ms$' "$dir/out"
    stop_pid "$gateway_pid"
elif [ -n "${STRICT:-}" ]; then
    not_ok "a Pushgateway to reach is installed"
fi

done_testing
