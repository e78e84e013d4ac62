#!/bin/sh
# An agent updates itself: asks, believes the metadata, fetches the file over
# a connection that breaks off, and hands over to the updater.
# shellcheck disable=SC2034,SC2153,SC1010
. "${0%/*}/lib.sh"
. "${0%/*}/updater-cuts.sh"
. "${0%/*}/update-lib.sh"

swept() { wait_for test -z "$(ls "$STATE/update" 2>/dev/null)"; }

settings
release "$T/versions/good" "$NEW"
start_agent
ok 'it accepts the command'	says accepted ask
ok 'the new one runs'		wait_for runs "$NEW"
ok 'the update is done'		wait_for ended done
ok 'the target is the release' cmp "$TARGET" "$T/versions/good"
for state in STARTING DOWNLOADING VERIFYING EXTRACTING_UPDATER \
    PREPARING_SHUTDOWN; do
	ok "state UPDATING_$state" grep -q "UPDATING_$state" "$T/log/agent.log"
done
ok 'the server was told who asks' grep -q '/api/agents/update - known' \
    "$S/requests"
ok 'and which binary it has' grep -q 'base=[0-9a-f]\{64\}' "$S/query"
ok 'nothing of it is left'	swept
ok 'one agent'			wait_for is_alone
ok 'nothing was reported'	test ! -e "$S/report.1"
ok 'the same again is refused as current' wait_for says accepted ask
ok 'and reported so'		report_has '.code == "current"'
ok 'it runs on'			runs "$NEW"

# A connection that breaks off, again and again.
start_agent
size=$(wc -c <"$T/versions/good")
release "$T/versions/good" "$NEW" "\"slow\": $((size / 3 + 1))"
ok 'over bad connections'	says accepted ask
ok 'the new one runs, too'	wait_for runs "$NEW"
ok 'it was fetched from where it was left' \
    grep -q "GET /file bytes=$((size / 3 + 1))-" "$S/requests"

# One that starts and then crashes: rolled back, and the server hears of it.
start_agent
release "$T/versions/bad" "$NEW"
ok 'to a bad one'		says accepted ask
ok 'it is rolled back'		wait_for ended rolled_back
ok 'the old one runs'		wait_for runs "$OLD"
ok 'reported'			report_has '.state == "rolled_back" and
    .step == "prove" and .version == "'"$NEW"'" and .from == "'"$OLD"'"'
ok 'with the last words of both' report_has '.log |
    any(test("^new.*good-bye")) and any(test("^old.*STOPPED"))'
done_testing
