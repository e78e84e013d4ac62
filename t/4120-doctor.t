#!/bin/sh
# muster-agent doctor says what fails and how to mend it; debug-link asks the
# running agent.
. "${0%/*}/lib.sh"

at_end "testbed --stop $T/srv"
testbed --server-arg --open-registration "$T/srv" >"$T/env" 2>"$T/err" ||
	{ cat "$T/err"; exit 1; }
# shellcheck disable=SC1091
. "$T/env"
doctor() { muster-agent --state-dir "$T/state" --name box "$@" doctor; }

ok 'before the first start nothing fails' exits 0 doctor \
    --server "$MUSTER_SERVER"
ok 'and it says what is to be done' says '^skip.link.*	start it' doctor \
    --server "$MUSTER_SERVER"
echo "{\"wsSecret\":\"0123456789abcdef\"}" >"$T/secret.json"
agent=
start() {
	muster-agent --state-dir "$T/state" --name box \
	    --server "$MUSTER_SERVER" --web-listen 127.0.0.1:0 \
	    >"$T/agent.log" 2>&1 &
	agent=$!
}
# shellcheck disable=SC2016
at_end 'kill $agent 2>/dev/null'
start
wait_for grep -q 'registered as' "$T/agent.log"
ok 'a running agent is asked' says '^ok.link.the running agent is connected' \
    doctor --server "$MUSTER_SERVER"
ok 'and not pushed out' is "$(grep -c 'connection lost' "$T/agent.log")" 0
if command -v curl >/dev/null && command -v jq >/dev/null; then
	url=$(sed -n 's/.*listening at \(http:.*\)/\1/p' "$T/agent.log")
	ok 'debug-link: 0 while the link stands' exits 0 debug-link "$url"
	ok 'with a line for each part' says '^link +stands' debug-link "$url"
	ok 'the credentials among them' says '^credentials +no accessKeyId' \
	    debug-link "$url"
fi
kill $agent
wait $agent
if command -v curl >/dev/null && command -v jq >/dev/null; then
	ok 'without an agent it is 111' exits 111 debug-link "$url"
fi
ok 'without one it tries the link' says \
    '^ok.link.the server takes this agent' doctor --server "$MUSTER_SERVER"
ok 'the clock is compared' says '^(ok|warn).http.answers' doctor \
    --server "$MUSTER_SERVER"
ok 'another server key than pinned' says \
    '^FAIL.link.*not the backend_key' doctor --server "$MUSTER_SERVER" \
    --backend-key "$(head -c 32 /dev/zero | base64)"
ok 'a path that nobody serves' says '^FAIL.link.*40[0-9].*	see' doctor \
    --link-url "ws${MUSTER_SERVER#http}/nothing/agent" \
    --config "$T/secret.json"
testbed --stop "$T/srv"
ok 'nobody there: 1' exits 1 doctor --server "$MUSTER_SERVER"
ok 'with the way to mend it' says '^FAIL.tcp.*refused.*	does the server' \
    doctor --server "$MUSTER_SERVER"
ok 'a name that is none' says '^FAIL.dns.*	is the name right' doctor \
    --server http://no-such-name.invalid --plaintext
done_testing
