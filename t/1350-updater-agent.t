#!/bin/sh
# The real agent, which has no server, is replaced by itself with one byte
# more; then by a damaged one, which it outlives.
. "${0%/*}/lib.sh"
[ -x "$BIN/muster-agent" ] || skip_all 'muster-agent is not built'
MUSTER_STATE_DIR=$T/state
MUSTER_RUN_DIR=$T/run
MUSTER_LOG_DIR=$T/log
MUSTER_AGENT_SERVER=http://127.0.0.1:9
export MUSTER_STATE_DIR MUSTER_RUN_DIR MUSTER_LOG_DIR MUSTER_AGENT_SERVER
TARGET=$T/muster-agent
LOCK=$T/state/agent.lock

holder() { muster-lock --status "$LOCK" | sed -n 's/^pid	//p'; }
beats() { muster-lock --status "$LOCK" | grep -q '^alive	yes'; }
end_agent() {
	pid=$(holder)
	[ -z "$pid" ] || kill "$pid"
}

cp "$BIN/muster-agent" "$TARGET"
("$TARGET" >"$T/first" 2>&1 &)
ok 'the agent runs'		wait_for beats
at_end end_agent
first=$(holder)
cp "$TARGET" "$T/new"
printf 'x' >>"$T/new"
update() {
	muster-updater --binary "$T/new" --target "$TARGET" --wait 0s \
	    --verify-time 10s --settle 300ms --prove beat,config \
	    --checksum "$(sha256sum "$T/new" | sed 's/ .*//')"
}
ok 'it is replaced'		update
ok 'by the new bytes'		cmp "$TARGET" "$T/new"
ok 'another process has the lock' test "$(holder)" != "$first"
ok 'the old one is gone'	test ! -e "/proc/$first/exe"
second=$(holder)
ok 'which runs those bytes' \
    is "$(readlink "/proc/$second/exe")" "$TARGET"

head -c 20000 "$T/new" >"$T/short" && mv "$T/short" "$T/new"
ok 'a damaged one is refused'	exits 1 update
ok 'the second runs on'		is "$(holder)" "$second"
ok 'and nothing is left' \
    is "$(echo "$TARGET"*)" "$TARGET"
done_testing
