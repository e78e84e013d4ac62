#!/bin/sh
# muster-updater replaces a running agent, proves the new one and tidies up.
# shellcheck disable=SC2016
. "${0%/*}/lib.sh"
. "${0%/*}/updater.sh"

make_agent "$TARGET" 1.0
make_agent "$NEW" 2.0
chmod 700 "$NEW"
start_agent
old=$(agent_pid)

ok 'a running agent is replaced'	update --expect-version 2.0
ok 'the new binary alone is there'	installed 2.0
ok 'the new agent runs, the old is gone' runs 2.0
ok 'its mode is that of the old one'	is "$(stat -c %a "$TARGET")" 755
ok 'the old process was the one ended'	exits 1 alive "$old"
ok 'the journal says done'		journal_has step 'done'
ok 'the journal names no failure'	journal_has failed_step '"'
ok 'the file given stays'		test -f "$NEW"
ok 'the state directory is private'	is "$(stat -c %a "$T/state")" 700
ok 'nothing to recover'			exits 0 recover

make_agent "$NEW" 3.0
(sleep 0.5; kill "$(agent_pid)") &
ok 'an agent that goes by itself is waited for' \
    update --pid "$(agent_pid)" --wait 20s
ok 'the third runs'			runs 3.0

stop_agents
make_agent "$NEW" 4.0
ok 'one that does not run is replaced and started' update
ok 'the fourth runs'			runs 4.0

stop_agents
make_agent "$NEW" 5.0
ok 'a PID that is gone'			update --pid 4194303
ok 'the fifth runs'			runs 5.0

make_agent "$NEW" 6.0
ok 'a command that starts it and ends' \
    update -- /bin/sh -c '("$0" >/dev/null 2>&1 &)' "$TARGET"
ok 'the sixth runs'			runs 6.0

mv "$TARGET" "$D/muster-agent-6"
ln -s muster-agent-6 "$TARGET"
make_agent "$NEW" 7.0
ok 'through a symbolic link'		update
ok 'the link is still a link'		test -L "$TARGET"
ok 'the seventh runs'			runs 7.0

mkdir -p "$T/pkg/muster-8"
make_agent "$T/pkg/muster-8/muster-agent" 8.0
echo 'read me' >"$T/pkg/muster-8/README"
tar -czf "$T/p.tar.gz" -C "$T/pkg" muster-8
package() {
	muster-updater --package "$T/p.tar.gz" --target "$TARGET" \
	    --checksum "$(sha "$T/p.tar.gz")"
}
ok 'out of a package'			package
ok 'the eighth runs'			runs 8.0
ok 'nothing unpacked is left'		test ! -e "$T/state/update.d"

stop_agents
export LOCK="$T/state/agent.lock"
echo '{"wait": "0s", "settle": "0s", "prove": "none"}' >"$MUSTER_CONFIG"
start_agent
make_agent "$NEW" 9.0
ok 'the lock is looked for in the state directory' update
ok 'the ninth runs'			runs 9.0
done_testing
