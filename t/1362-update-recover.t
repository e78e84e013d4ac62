#!/bin/sh
# An update that was cut short is taken up by the agent that is started next;
# an agent that a supervisor starts while the updater swaps the binary waits,
# and becomes the new one.
# shellcheck disable=SC2034,SC1010
. "${0%/*}/lib.sh"
. "${0%/*}/updater-cuts.sh"

holds_pid() { is "$(holder)" "$1"; }
starts() {
	("$TARGET" >"$T/second" 2>&1 &)
	wait_for lives
}

# Cut at the proof: all processes go, as when the machine stops.
begin good
cp "$BIN/muster-updater" "$D/muster-updater"
kept() { rm -f "$D/muster-updater"; one_agent; }
VERIFY=30s PROVE=beat,config,server,control
(update strace -o "$T/calls" -e trace=rename \
    -e inject=rename:signal=KILL:when=7 >"$T/cut" 2>&1)
end_agents
ok 'it was cut with the new binary in place' cmp "$TARGET" "$T/versions/good"
ok 'the old one is kept'	test -e "$TARGET.old"
ok 'the journal says where'	exits 1 grep -q '"step": *"done"' \
    "$STATE/update.json"
ok 'the agent is started'	starts
ended() { is "$(cut_step)" done; }
ok 'it has the update finished'	wait_for ended
ok 'and nothing is left over'	kept

# A supervisor's restart, between the old agent's end and the swap.
begin good
mkfifo "$T/hold"
muster-lock "$STATE/update.lock" sh -c "read -r _ <$T/hold" & keeper=$!
printf '{"step":"keep"}' >"$STATE/update.json"
end_agents
("$TARGET" >"$T/second" 2>&1 &)
ok 'an agent started meanwhile waits' wait_for grep -q \
    'waiting for the updater' "$T/second"
ok 'and takes no lock'		exits 1 lives
cp "$T/versions/good" "$TARGET.new"
mv "$TARGET.new" "$TARGET"
printf '{"step":"done"}' >"$STATE/update.json"
ok 'then it runs'		wait_for lives
ok 'as the new one'		wait_for grep -q "^version	$NEW$" "$LOCK"
echo >"$T/hold"
wait "$keeper"
done_testing
