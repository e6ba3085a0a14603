#!/usr/bin/env bash
# test_rules.sh - the alert rules are valid and fire when they should, the dashboards are JSON. (prometheus.sh runs every expression
# against a living cluster; it waits for the last of the official names.)
set -uo pipefail
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$tests/../conf/rules" || exit 1
check "the rules are valid" promtool check rules mqpush.rules.yml
check "each rule fires and stays silent where it should" promtool test rules mqpush.rules.test.yml
for dashboard in ../dashboards/*.json; do check "${dashboard##*/} is JSON" jq -e .title "$dashboard"; done
done_testing
