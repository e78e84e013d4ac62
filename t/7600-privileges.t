#!/bin/sh
# The agent gives up what it does not need, works with ambient capabilities
# alone, and says what is missing for which module; the doctor tries each.
. "${0%/*}/lib.sh"
command -v jq >/dev/null || skip_all 'no jq'
[ "$(uname)" = Linux ] || skip_all 'not Linux'
[ "$(id -u)" = 0 ] || skip_all 'needs root'
command -v setpriv >/dev/null || skip_all 'no setpriv'

chmod 755 "$T"
BIN=$(dirname "$(command -v muster-agent)")
cp "$BIN/muster-agent" "$T/muster-agent"	# where nobody may read it
agent=
# shellcheck disable=SC2016
at_end 'kill $agent 2>/dev/null'

# start NAME COMMAND...: an agent with a directory of its own.
start() {
	dir=$T/$1
	shift
	mkdir -p "$dir"
	chown 65534:65534 "$dir"
	env -u XDG_CONFIG_HOME HOME="$dir" "$@" "$T/muster-agent" \
	    --server http://127.0.0.1:9 --state-dir "$dir/st" \
	    --run-dir "$dir/st" --log-dir "$dir/st" --web-listen none \
	    --capabilities telemetry --capabilities process-monitor \
	    --capabilities fs-monitor --capabilities policy \
	    >"$dir/log" 2>&1 &
	agent=$!
	wait_for grep -q 'process-monitor\]: started' "$dir/log"
}
stop() {
	kill "$agent"
	rc=0
	wait "$agent" || rc=$?
	agent=
	return $rc
}
ask() {
	HOME=$dir "$T/muster-agent" --state-dir "$dir/st" --run-dir "$dir/st" \
	    --json "$@"
}
has() { ask status | jq -e ".privileges | $1"; }
is_listed() {
	ask modules | jq -e "(.modules? // .) | map(select(.name == \"$1\"))[0]
	    | $2"
}
# Modules start one by one.
listed() { wait_for is_listed "$@"; }
of_process() { awk -v k="$1:" '$1 == k { print $2 }' "/proc/$agent/status"; }

start root setpriv --reuid 0
ok 'it cannot gain privileges' is "$(of_process NoNewPrivs)" 1
ok 'its calls are filtered' is "$(of_process Seccomp)" 2
ok 'what can never come back' is "$(of_process CapBnd)" "$(of_process CapPrm)"
ok 'it has not all' has '.has | index("CAP_SYS_MODULE") == null and
    index("CAP_SYS_BOOT") == null and index("CAP_SYS_TIME") == null'
ok 'but what modules need' has '.has | index("CAP_BPF") != null and
    index("CAP_NET_ADMIN") != null'
ok 'it is confined' has '.confined and .lacks == {}'
module=$(pgrep -P "$agent" -f 'P module telemetry')
ok 'a module that needs none has none' is \
    "$(awk '$1 == "CapPrm:" { print $2 }' "/proc/$module/status")" \
    0000000000000000
ok 'and the agent stops' stop

# setpriv's --ambient-caps, where it knows the two new ones by number.
ambient=+cap_39,+cap_38,+net_admin,+sys_ptrace,+dac_read_search,+sys_admin
nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
# shellcheck disable=SC2086
start ambient $nobody --inh-caps $ambient --ambient-caps $ambient
ok 'ambient capabilities serve' listed process-monitor \
    '.lacks == null and .state != "failed"'
ok 'its own file it could not replace' has '.lacks.updates |
    index("CAP_DAC_OVERRIDE") != null'
ok 'nothing else is missing' has '.lacks | keys == ["children",
    "network-monitor", "updates"]'
ok 'fs-monitor by its best source' listed fs-monitor \
    '.source == "fanotify" and .state == "running"'
stop

# shellcheck disable=SC2086
start none $nobody
ok 'without any it runs' listed telemetry '.state == "running"'
ok 'and says what each lacks' listed process-monitor \
    '.lacks == ["CAP_DAC_READ_SEARCH", "CAP_NET_ADMIN", "CAP_SYS_PTRACE",
    "CAP_PERFMON", "CAP_BPF"]'
ok 'and why it is not better' listed process-monitor \
    '.state == "degraded" and (.why | test("CAP_BPF"))'
ok 'nor is policy enforced' listed policy '.lacks | index("CAP_BPF") != null'
stop

start kept setpriv --reuid 0
stop
start kept env MUSTER_AGENT_KEEP_PRIVILEGES=1 setpriv --reuid 0
ok 'all is kept where that is asked for' is "$(of_process NoNewPrivs)" 0
stop

# -- the doctor --
doctor() {
	env -u XDG_CONFIG_HOME HOME="$T/doc" "$@" "$T/muster-agent" \
	    --server http://127.0.0.1:9 --state-dir "$T/doc" doctor || :
}
mkdir -m 777 "$T/doc"
# shellcheck disable=SC2086
doctor $nobody >"$T/doc.nobody"
ok 'the doctor names what cannot be done' \
    grep -Eq '^warn	privileges	.*CAP_BPF: .*for .*policy' "$T/doc.nobody"
ok 'and how to mend it' \
    grep -Eq '^warn	privileges	.*	.*AmbientCapabilities' "$T/doc.nobody"
rm -rf "$T/doc"
mkdir "$T/doc"
doctor env >"$T/doc.root"
ok 'as root it tries' grep -Eq '^ok	privileges	tried: CAP_BPF' "$T/doc.root"
ok 'memory that is locked' grep -q '^ok	memlock' "$T/doc.root"
ok 'and that modules can be confined' grep -Eq '^(ok|warn)	confinement' \
    "$T/doc.root"

# -- the unit --
unit=$TOP/scripts/package/linux/muster-agent.service
sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr ' ' '\n' | sort >"$T/unit"
start root setpriv --reuid 0
ask status | jq -r '.privileges.has[]' | sort >"$T/has"
ok 'reload reaches it' grep -q '^ExecReload=.*-HUP' "$unit"
ok 'the unit asks for exactly those' diff "$T/unit" "$T/has"
stop
done_testing
