# For the tests of the sensors, after lib.sh: one module, run as the agent
# does.
# shellcheck shell=sh disable=SC2034,SC2154

# box MODULES: a real server and an agent "box" with these modules' settings,
# in $T/state; its uid is $uid, its log $T/log.
box() {
	at_end "testbed --stop $T/srv"
	testbed --server-arg --open-registration "$T/srv" >"$T/env" \
	    2>"$T/err" || { cat "$T/err"; exit 1; }
	. "$T/env"
	mkdir -m 700 "$T/state"
	echo "{\"config_version\":1,\"modules\":$1}" >"$T/state/config.json"
	muster-agent --server "$MUSTER_SERVER" --state-dir "$T/state" \
	    --name box >"$T/log" 2>&1 &
	at_end "kill $! 2>/dev/null"
	wait_for box_is_up || { cat "$T/log"; exit 1; }
	uid=$(muster agents | cut -f 1)
}
box_is_up() { [ "$(muster agents | cut -f 4)" = yes ]; }
# box_runs MODULE
box_runs() {
	muster modules "$uid" | grep "$1" | grep -Eq 'running|degraded'
}

# module NAME CONFIG: starts it; what it says goes to $T/said, what is written
# to descriptor 5 goes to it.
module() {
	command -v python3 >/dev/null || skip_all 'no python3'
	rm -rf "$T/pipe" "$T/said"
	mkfifo "$T/pipe"
	python3 "$TOP/t/module.py" "$BIN/muster-agent" "$1" "$2" "$T/said" \
	    <"$T/pipe" 2>"$T/words" &
	module=$!
	exec 5>"$T/pipe"
	wait_for grep -qE '"op":"(ready|failed)"' "$T/said"
}

# stop: ends it in order; leaves its exit code in $rc.
stop() {
	exec 5>&-
	rc=0
	wait "$module" || rc=$?
}

# ask ID VERB: a command; its last answer is waited for.
ask() {
	echo "{\"op\":\"command\",\"id\":$1,\"verb\":\"$2\",\"args\":{}}" >&5
	wait_for grep -q "\"answer\",\"id\":$1,.*\"done\":true" "$T/said"
}

# events TYPE FILTER: the data of its events of that type that jq's filter
# takes.
events() {
	jq -c "select(.op == \"event\" and .record.type == \"$1\") |
	    .record.data | select($2)" "$T/said"
}
# seen TYPE FILTER: at least one.
seen() { [ -n "$(events "$1" "$2")" ]; }

# source_is NAME
source_is() { grep -q "\"op\":\"source\",\"source\":\"$1\"" "$T/said"; }
