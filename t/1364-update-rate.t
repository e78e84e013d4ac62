#!/bin/sh
# A download with a rate comes in pieces, and is whole in the end; one for
# which there is no room is refused before it begins, the agent runs on.
# shellcheck disable=SC2034,SC2154
. "${0%/*}/lib.sh"
. "${0%/*}/updater-cuts.sh"
. "${0%/*}/update-lib.sh"

settings
size=$(wc -c <"$T/versions/good")
rate=$((size / 3))
jq --arg r "$rate" '.update_rate = ($r | tonumber)' "$MUSTER_CONFIG" \
    >"$T/with-rate"
cp "$MUSTER_CONFIG" "$T/without"
mv "$T/with-rate" "$MUSTER_CONFIG"
release "$T/versions/good" "$NEW"
start_agent
ok 'with a rate'		says accepted ask
ok 'the new one runs'		wait_for runs "$NEW"
ok 'it came in pieces' \
    test "$(grep -c '^GET /file bytes=' "$S/requests")" -ge 3
ok 'each of a second' grep -q "^GET /file bytes=$rate-$((2 * rate - 1)) " \
    "$S/requests"
ok 'and is whole'		cmp "$TARGET" "$T/versions/good"

# A disk that holds the agent, and has no room for another.
cp "$T/without" "$MUSTER_CONFIG"
end_agents
rm -rf "$D"
mkdir "$D"
mount -t tmpfs -o "size=$((size / 1024 + 5000))k" none "$D" 2>/dev/null || {
	echo "# no file system can be mounted here: no room is not tested"
	done_testing
}
at_end "umount -l '$D'"
rm -rf "$STATE"
mkdir -p "$STATE"
chmod 700 "$STATE"
cp "$T/versions/old" "$TARGET"
cp "$BIN/muster-updater" "$D/muster-updater"
register
("$TARGET" >"$T/first" 2>&1 &)
wait_for lives
wait_for muster-agent status
rm -f "$S"/report.* "$S/requests"
pid=$(holder)
ok 'without room'		says accepted ask
ok 'it is reported'		report_has '.code == "no_space" and
    .step == "metadata" and (.error | test("KB free"))'
ok 'nothing was fetched'	exits 1 grep -q '^GET /file' "$S/requests"
ok 'the agent runs on'		is "$(holder)" "$pid"
ok 'and is IDLE'		says IDLE muster-agent status
done_testing
