#!/bin/sh
# The agent tells its labels and what host it is on, over either protocol;
# people choose it by them, an operator's go before its own, and a second host
# with its identity is found out.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
for tool in curl jq; do
	command -v $tool >/dev/null || skip_all "no $tool"
done

agents=''
# shellcheck disable=SC2016
at_end 'kill $agents 2>/dev/null'
at_end "testbed --stop $T/srv"
serve --open-registration
# start STATE OPTION...
start() {
	state=$T/$1
	shift
	muster-agent --state-dir "$state" --web-listen none "$@" \
	    >>"$state.log" 2>&1 &
	agent=$!
	agents="$agents $agent"
}
stop() { kill "$agent" && wait "$agent"; }
# of HOST PATH: of its line in the list.
of() {
	muster agents --json |
	    jq -cS --arg n "$1" ".[] | select(.host_id | startswith(\$n)) | $2"
}
becomes() { [ "$(of "$1" "$2")" = "$3" ]; }
answers() { muster exec -l "$1" ping | cut -f 1 | sed 's/-.*//' | sort | tr '\n' ' '; }

start one --server "$MUSTER_SERVER" --name box --label site=a --label rack=7
ok 'labels of the command line are told' \
    wait_for becomes box .labels '{"rack":"7","site":"a"}'
ok 'and choose the agent' is "$(answers site=a)" 'box '
ok 'the API does, too' is "$(muster agents -l rack=7 | wc -l)" 1
ok 'nobody has another value' exits 1 muster exec -l site=b ping
uid=$(of box .uid | tr -d '"')
ok 'an operator sets one' exits 0 muster agents label "$uid" site=b
ok 'which goes before its own' is "$(answers site=b)" 'box '
ok 'and the other stays' is "$(answers rack=7)" 'box '
stop
start one --server "$MUSTER_SERVER" --name box
ok 'without them it has none but the operator has' \
    wait_for becomes box .labels '{"site":"b"}'
stop
start one --server "$MUSTER_SERVER" --name box --label site=c
wait_for becomes box .connected true
ok "the operator's stands when it is back" is "$(of box .labels)" '{"site":"b"}'
ok "taken away, its own is seen" sh -c "muster agents label '$uid' site- &&
    muster agents -l site=c | grep -q box"
ok 'a wrong name: 100' exits 100 muster-agent --state-dir "$T/none" \
    --server "$MUSTER_SERVER" --label 'a b=c'
ok 'no value: 100' exits 100 muster-agent --state-dir "$T/none" \
    --server "$MUSTER_SERVER" --label site

# Document 004, from the file of its configuration.
printf '{"labels":["site=d","deep/er=x=y"],"instanceId":"four-1",
    "wsApiUrl":"%s/agent","wsSecret":"canary-canary-canary"}\n' \
    "ws${MUSTER_SERVER#http}" >"$T/four.json"
api "$MUSTER_API_KEY" POST /api/agents/secrets -d \
    '{"agentId":"four-1","secret":"canary-canary-canary"}' \
    -H 'Content-Type: application/json' >"$T/code"
one=$agent
start four --config "$T/four.json"
ok 'told with the auth message, too' \
    wait_for becomes four .labels '{"deep/er":"x=y","site":"d"}'
ok 'both are chosen by the name' is "$(answers site)" 'box four '
stop

# A second host with the identity of the first: another machine id.
# shellcheck disable=SC2016
there='mount --bind "$0" /etc/machine-id && exec "$@"'
echo 0123456789abcdef0123456789abcdef >"$T/machine"
if [ -s /etc/machine-id ] &&
    unshare -m sh -c "$there" "$T/machine" true 2>"$T/err"; then
	cp -r "$T/one" "$T/two"
	ok 'one host is no two' is "$(of box .duplicate)" null
	unshare -m sh -c "$there" "$T/machine" "$BIN/muster-agent" \
	    --state-dir "$T/two" --web-listen none --name box \
	    --server "$MUSTER_SERVER" >"$T/two.log" 2>&1 &
	agents="$agents $! $one"
	ok 'another machine with its key is noticed' wait_for sh -c \
	    "muster agents --json | grep -q 'another machine pushed it out\|an earlier boot'"
	ok 'with the id of it' says 0123456789abcdef0123456789abcdef \
	    muster agents --json
else
	echo '# SKIP a second machine id: it takes root and /etc/machine-id'
fi
done_testing
