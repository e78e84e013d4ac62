#!/bin/sh
# The whole way, with the real server and the real agent: released, rolled
# out, taken by the agent that registered over its link, and seen there by the
# new one's own word; a release that crashes after 5 seconds is rolled back,
# and the rollout stops by itself.
# shellcheck disable=SC2034,SC2154
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/tuf-lib.sh"
. "${0%/*}/updater-cuts.sh"
. "${0%/*}/rollout-lib.sh"

server
# One that works for 5 seconds, and is higher than the good one.
BAD=${NEW%?}9
make_version "$T/versions/third" "$BAD"
cat >"$T/versions/crashes" <<END
#!/bin/sh
[ "\${1-}" != --version ] || exec "$T/versions/third" --version
"$T/versions/third" "\$@" & agent=\$!
sleep 5
kill -ABRT \$agent
wait \$agent
END
chmod 755 "$T/versions/crashes"

MUSTER_AGENT_SERVER=$S
MUSTER_UPDATER_SETTLE=8s
export MUSTER_UPDATER_SETTLE
start_agent
ok 'the agent registers'	wait_for connected "$OLD"
ok 'the good one is released'	put "$T/versions/good" "$NEW"
ok 'the server shows the old one' shown "$OLD"
id=$(muster rollout start "$NEW" --max-failures 1)
ok 'rolled out, it runs'	wait_for runs "$NEW"
ok 'the server shows it'	wait_for connected "$NEW"
ok 'the same agent'		is "$(muster agents | wc -l)" 1
ok 'the rollout has counted it' wait_for rollout_is \
    '.rollout.counts | .updated == 1 and .failed == 0'
ok 'it is proved'		wait_for proved
done_now() { rollout_is '.rollout.state == "done"'; }
ok 'the rollout is done'	wait_for done_now

ok 'the bad one is released'	put "$T/versions/crashes" "$BAD"
id=$(muster rollout start "$BAD" --max-failures 1)
ok 'rolled out, it runs'	wait_for runs "$BAD"
ok 'and says so to the server'	wait_for connected "$BAD"
ok 'it is rolled back'		wait_for runs "$NEW"
ok 'the server shows who runs'	wait_for connected "$NEW"
stopped() { rollout_is '.rollout.state == "stopped"'; }
ok 'the rollout stopped by itself' wait_for stopped
ok 'and says why'		rollout_is '.rollout.reason == "1 agent failed"'
ok 'with what the agent told'	rollout_is '.failures[0] |
    .state == "rolled_back" and .step == "prove" and .from == "'"$NEW"'"
    and (.error | test("gave .* up after"))'
ok 'nothing is left of it' \
    is "$(ls "$D")" "muster-agent
muster-updater"
ok 'the good one is installed'	cmp "$TARGET" "$T/versions/good"
muster events -a --json >"$T/events"
ok 'each is an event of who began it' is "$(jq -r 'select(.rollout) |
    .type + " " + .rollout.version' "$T/events" |
    grep -v "Done $BAD" | tr '\n' ,)" "$(printf '%s,' "rolloutStarted $NEW" \
    "rolloutDone $NEW" "rolloutStarted $BAD" "rolloutStopped $BAD")"
ok 'with why, and how many failed' is "$(jq -c 'select(.type ==
    "rolloutStopped") | [.rollout.reason, .rollout.counts.failed]' \
    "$T/events")" '["1 agent failed",1]'
sleep 2
ok 'and it is not tried again'	runs "$NEW"
done_testing
