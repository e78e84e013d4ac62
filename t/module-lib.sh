# For the tests of the sensors, after lib.sh: one module, run as the agent
# does.
# shellcheck shell=sh disable=SC2034,SC2154

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
