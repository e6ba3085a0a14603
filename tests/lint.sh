#!/usr/bin/env bash
# lint.sh [HEADER...] - what a compiler does not say: rooms, headers, libraries, text, then cppcheck and shellcheck.
#
# Prints each finding as FILE:LINE: what, then their number; exit 1 if there is any. The headers default to all of ours.
# STRICT=1 (or CI=true) makes a tool that is not installed a finding; else it is said and passed over.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
[ "${CI:-}" = true ] && STRICT=1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
findings="$out/findings"
: >"$findings"

found() { # found FILE:LINE TEXT
    echo "$1: $2" | tee -a "$findings"
}

mapfile -t sources < <(find agent sinks tests -name '*.[ch]' | sort)
mapfile -t scripts < <(find tests systemd conf .ci -type f \( -name '*.sh' -o -path .ci/run \) 2>/dev/null | sort)
mapfile -t texts < <(find agent sinks tests systemd conf .ci Makefile README.md -type f \
    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.md' -o -name '*.conf' -o -name '*.java' -o -name '*.service' -o -name '*.timer' \
    -o -name Makefile -o -path .ci/run \) 2>/dev/null | sort)
headers=("$@")
[ $# -eq 0 ] && mapfile -t headers < <(printf '%s\n' "${sources[@]}" | grep '\.h$')

# Rooms ---------------------------------------------------------------------------------------------------------------
#
# Includes point one way. A room is named by the longest prefix that fits; each may include itself and what is listed. The two
# contracts (source.h, sink.h) and registries are all that the pipeline sees of sources and sinks.

room_of() {
    case "$1" in
    agent/base/*) echo base ;;
    agent/model/*) echo model ;;
    agent/net/*) echo net ;;
    agent/source/source.h) echo source.h ;;
    agent/source/registry.c) echo source ;;
    agent/source/*/*) echo "source/$(cut -d/ -f3 <<<"$1")" ;;
    sinks/sink.h) echo sink.h ;;
    sinks/*) echo sinks ;;
    agent/history/*) echo history ;;
    agent/pipeline/*) echo pipeline ;;
    agent/view/*) echo view ;;
    agent/*/*) echo "unknown" ;;
    agent/*) echo cmd ;;
    tests/*) echo tests ;;
    *) echo "unknown" ;;
    esac
}

may_include() { # may_include ROOM OF-ROOM
    local below
    case "$1" in
    base) below='base' ;;
    model) below='base model' ;;
    net) below='base net' ;;
    source.h | sink.h) below='base model' ;;
    source) below='base model source.h' ;;
    source/*) below="base net model source.h $1" ;;
    sinks) below='base net model sink.h sinks' ;;
    history) below='base model history' ;;
    pipeline) below='base model source.h sink.h pipeline' ;;
    view) below='base model source.h sink.h history pipeline view' ;;
    cmd) below='base model source.h sink.h history pipeline view cmd' ;;
    *) below='' ;;
    esac
    [[ " $below " == *" $2 "* ]]
}

# Wider than the rule, one by one, with the reason.
excused() { # excused FILE INCLUDED
    case "$1 $2" in
    "agent/cmd_"*" sinks/sqlite/"*) return 0 ;; # `db` looks after the history file that this sink writes
    "agent/cmd_sweep.c sinks/pushgateway/sweep.h") return 0 ;; # `sweep` looks after what this sink leaves in gateways
    "agent/view/"*" sinks/prom_text.h" | "agent/cmd_"*" sinks/prom_text.h") return 0 ;; # `-o prom` is the same text
    esac
    return 1
}

check_rooms() {
    local file line path from to
    while IFS=: read -r file line path; do
        from=$(room_of "$file")
        [ "$from" = tests ] && continue
        path=${path#*\"} path=${path%%\"*}
        to=$(room_of "$path")
        if [ ! -e "$path" ]; then
            found "$file:$line" "includes $path, which is not a path from the root"
        elif [ "$from" = unknown ]; then
            found "$file:$line" "stands in a room that tests/lint.sh does not know"
        elif ! may_include "$from" "$to" && ! excused "$file" "$path"; then
            found "$file:$line" "$from must not include $path ($to)"
        fi
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "${sources[@]}")
}

# Libraries -----------------------------------------------------------------------------------------------------------
#
# header pattern | where it may be included | in how many files. Types of a library never appear in a header of ours.

libraries='curl/|agent/net/http[a-z_]*\.c|3
curl/|agent/source/rocketmq/[a-z_]*\.c|1
cjson/|agent/[a-z/_]*\.c|1
cjson/|sinks/[a-z_/]*\.c|1
hiredis|sinks/redis[a-z_/]*\.c|9
sqlite3\.h|sinks/sqlite/[a-z_]*\.c|9
sqlite3\.h|agent/history/[a-z_]*\.c|9
sqlite3\.h|agent/pipeline/(spool_disk|state)\.c|2
ini\.h|agent/pipeline/config_file\.c|1
libsmartcols|agent/view/[a-z_]*\.c|1
zlib\.h|sinks/[a-z_/]*\.c|1
zlib\.h|agent/model/batch_io\.c|1
openssl/|agent/source/rocketmq/[a-z_]*\.c|1'

system='assert|ctype|dirent|errno|fcntl|fenv|float|fnmatch|getopt|glob|grp|ifaddrs|inttypes|langinfo|limits|linux/[a-z_]+|locale|malloc'
system+='|math|net/[a-z_]+|netdb|netinet/[a-z_]+|arpa/inet|poll|pthread|pwd|regex|sched|search|signal|spawn|stdalign|stdarg'
system+='|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|strings|sys/[a-z_]+|sysexits|syslog|termios|time|uchar'
system+='|unistd|wchar|wctype'

check_libraries() {
    local file line name pattern where most count row
    local -A seen=()
    while IFS=: read -r file line name; do
        name=${name#*<} name=${name%%>*}
        [[ $file == tests/* || $name =~ ^($system)\.h$ ]] && continue
        if [[ $file == *.h ]]; then
            found "$file:$line" "a header of ours includes <$name>: keep the library in one .c file"
            continue
        fi
        row=
        while IFS= read -r row; do
            pattern=${row%%|*} where=${row#*|} where=${where%|*}
            [[ $name =~ ^$pattern && $file =~ ^$where$ ]] && break
            row=
        done <<<"$libraries"
        if [ -z "$row" ]; then
            found "$file:$line" "<$name> does not belong here (table in tests/lint.sh: which library is known to which file)"
            continue
        fi
        [[ ${seen[$row]:-} == *" $file "* ]] || seen[$row]+=" $file "
        most=${row##*|} count=$(wc -w <<<"${seen[$row]}")
        [ "$count" -gt "$most" ] && found "$file:$line" "<$name> is in $count files already:${seen[$row]}"
    done < <(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' "${sources[@]}")
}

# Headers -------------------------------------------------------------------------------------------------------------

check_headers() {
    local flags log
    # The flags are the Makefile's own; MAKEFLAGS of a make above would get in the way.
    flags=$(env -u MAKEFLAGS -u MFLAGS make -s --no-print-directory WERROR=1 \
        --eval='lint-flags: ; @echo $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(PKG_CFLAGS)' lint-flags) || {
        found Makefile:1 "does not say its flags"
        return
    }
    log="$out/headers"
    # shellcheck disable=SC2086 # a list of flags
    printf '%s\n' "${headers[@]}" | xargs -P "$(nproc)" -I{} sh -c '
        file=$1; shift
        printf "#include \"%s\"\n" "$file" | "$@" -fsyntax-only -x c - 2>&1 | sed "s|^<stdin>:.*|$file:1: does not compile alone|"
    ' sh {} "${CC:-cc}" ${flags} >"$log"
    grep -E '^[^ ]+:[0-9]+:([0-9]+:)? ' "$log" | grep -vE ' note: |In file included' | while IFS= read -r line; do
        echo "$line" | tee -a "$findings"
    done
}

# Text ----------------------------------------------------------------------------------------------------------------

each() { # each TEXT GREP-ARGUMENT...: every line that grep finds is a finding
    local text=$1 file line rest
    shift
    while IFS=: read -r file line rest; do
        found "$file:$line" "$text"
    done < <(LC_ALL=C.UTF-8 grep -nHE "$@")
}

check_text() {
    local open='TO''DO|FIX''ME|X''XX' homes='/ho''me/|/ro''ot/|/Us''ers/|/wo''rk/'
    each "something is left open" -w "$open" "${texts[@]}"
    each "blanks at the end of the line" '[[:blank:]]+$' "${texts[@]}"
    each "an absolute path of one machine" "(^|[^A-Za-z0-9_.])($homes)" "${texts[@]}"
    each "a tab" "$(printf '\t')" "${sources[@]}"
    # One row of a table stays one line, whatever its length: it is read and searched as a row.
    while IFS=: read -r file line rest; do
        [[ $rest =~ ^\ +(X|RUNTIME|AGENT|[A-Z]+_[A-Z]+)\(.*[\),\\]+$ ]] && [[ $file == agent/model/* ]] && continue
        found "$file:$line" "longer than 140 characters"
    done < <(LC_ALL=C.UTF-8 grep -nHE '^.{141,}' "${sources[@]}")
}

# Tools ---------------------------------------------------------------------------------------------------------------

has_tool() {
    command -v "$1" >/dev/null && return 0
    if [ -n "${STRICT:-}" ]; then
        found "tests/lint.sh:1" "$1 is not installed"
    else
        echo "lint: $1 is not installed, passed over" >&2
    fi
    return 1
}

# Off: system headers (not ours), and autoVariables (a struct on the stack that a longer-lived one points to until the function
# ends is how a step of the collection works; gcc's -Wdangling-pointer sees the ones that matter). Tests are left out: libcheck's
# macros are too much for it.
check_with_cppcheck() {
    has_tool cppcheck || return
    mkdir -p build/cppcheck
    cppcheck --quiet -j "$(nproc)" --cppcheck-build-dir=build/cppcheck --std=c11 --language=c -I. -D_GNU_SOURCE \
        '-DMQPUSH_VERSION="0"' --enable=warning,portability,performance --inline-suppr --library=posix,gnu \
        --suppress=missingIncludeSystem --suppress=autoVariables \
        --template='{file}:{line}: cppcheck {severity} {id}: {message}' agent sinks >"$out/cppcheck" 2>&1
    grep -E '^[^ ]+:[0-9]+: |^cppcheck:' "$out/cppcheck" | tee -a "$findings"
}

# SC2016: what stands in single quotes is for another shell, or for make.
check_with_shellcheck() {
    has_tool shellcheck || return
    [ ${#scripts[@]} -eq 0 ] && return
    shellcheck -e SC2016 -f gcc "${scripts[@]}" | tee -a "$findings"
}

check_rooms
check_libraries
check_headers
check_text
check_with_cppcheck
check_with_shellcheck
count=$(wc -l <"$findings")
echo "lint: ${#sources[@]} sources, ${#headers[@]} headers, ${#scripts[@]} scripts: $count findings"
[ "$count" -eq 0 ]
