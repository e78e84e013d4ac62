#!/bin/sh
# Killed in any step that lasts, an update is finished or undone by the next
# call, and one agent runs.
# shellcheck disable=SC2016,SC2034
. "${0%/*}/lib.sh"
. "${0%/*}/updater.sh"
hold='exec muster-lock -F "$LOCK" sleep 600'

# killed_at STEP WHAT FLAG...: an update to WHAT, killed in that step.
killed_at() {
	at=$1
	make_agent "$TARGET" 1.0
	make_agent "$NEW" 2.0 "$2"
	shift 2
	stop_agents
	start_agent
	(RUN='exec'; update "$@" >"$T/killed" 2>&1) &
	updater=$!
	ok "$at: reached"	wait_for journal_has step "$at"
	kill -KILL "$updater"
	wait "$updater" 2>/dev/null
}

killed_at wait "$hold" --wait 60s
ok 'wait: nothing has changed'	is "$("$TARGET" --version)" 'muster-agent 1.0'
ok 'wait: undone'		exits 1 recover
ok 'wait: the old one'		installed 1.0
ok 'wait: still runs'		runs 1.0

killed_at prove "$hold" --settle 60s
journal_set settle_ms 100
pid=$(agent_pid)
ok 'prove: finished'		exits 0 recover
ok 'prove: the new one'		installed 2.0
ok 'prove: runs'		runs 2.0
ok 'prove: it was not started twice' is "$(agent_pid)" "$pid"

killed_at prove 'exec sleep 600' --verify-time 1s
ok 'a bad one at prove: undone'	exits 1 recover
ok 'a bad one at prove: the old' installed 1.0
ok 'a bad one at prove: runs'	runs 1.0

killed_at stop 'trap "" TERM; exec sleep 600' --verify-time 100ms
ok 'stop: undone'		exits 1 recover
ok 'stop: the old one'		installed 1.0
ok 'stop: runs, and nothing else' runs 1.0

# The old agent takes its time to start again.
cat >"$T/start" <<'END'
#!/bin/sh
[ "$("$TARGET" --version)" != "muster-agent 1.0" ] ||
    [ ! -e "$T/slow" ] || sleep 1
exec "$TARGET"
END
chmod 755 "$T/start"
touch "$T/slow"
killed_at restart 'exit 3' -- "$T/start"
ok 'restart: undone'		exits 1 recover
ok 'restart: the old one'	installed 1.0
ok 'restart: runs once'		runs 1.0

killed_at prove "$hold" --settle 60s
printf '{"step":"prove"}' >"$T/state/update.json"
ok 'a damaged journal is not guessed at' exits 111 recover
ok 'and its fault is named'	says 'update.json: bad ' recover
printf '{' >"$T/state/update.json"
ok 'nor one cut short'		says 'update.json: bad |not a JSON' recover
done_testing
