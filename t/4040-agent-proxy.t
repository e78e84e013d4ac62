#!/bin/sh
# The link goes through the proxy of the environment, or the one that is set.
. "${0%/*}/lib.sh"
command -v python3 >/dev/null || skip_all 'no python3'

at_end "testbed --stop $T/srv"
testbed --server-arg --open-registration "$T/srv" >"$T/env" 2>"$T/err" ||
	{ cat "$T/err"; exit 1; }
# shellcheck disable=SC1091
. "$T/env"
port=${MUSTER_SERVER##*:}
python3 "$TOP/t/proxy.py" >"$T/out" 2>&1 &
# shellcheck disable=SC2034
proxy=$!
agent=
# shellcheck disable=SC2016
at_end 'kill $proxy $agent 2>/dev/null'
wait_for test -s "$T/out"
where=http://127.0.0.1:$(sed -n 1p "$T/out")
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY \
    no_proxy NO_PROXY

# start NAME URL OPTION...
start() {
	log=$T/$1.log
	server=$2
	shift 2
	muster-agent --server "$server" --state-dir "$T/state" --plaintext \
	    --web-listen none "$@" >"$log" 2>&1 &
	agent=$!
}
stop() { kill "$agent" && wait "$agent"; }
logged() { grep -q "$1" "$log"; }
asked() { grep -c "^CONNECT $1:$port HTTP/1.1\$" "$T/out"; }

# The name is known to nobody but the proxy.
far=http://agents.invalid:$port
start set "$far" --proxy "$where"
ok 'through the proxy that is set' wait_for logged authenticated
ok 'which was asked by name' is "$(asked agents.invalid)" 1
ok 'the log tells it' logged "connecting to ws://.* through $where"
stop
http_proxy=$where
export http_proxy
start env "$far"
ok 'through the one of the environment' wait_for logged authenticated
stop
start none "$far" --proxy none
ok 'unless told not to' wait_for logged 'connection failed'
stop
no_proxy="example.com, .invalid"
export no_proxy
start excepted "$far"
ok 'or no_proxy has the domain' wait_for logged 'connection failed'
stop
no_proxy=agents.invalid:1
start other "$far"
ok 'another port of it does not count' wait_for logged authenticated
stop
unset no_proxy
start near "$MUSTER_SERVER"
ok 'never to this host' wait_for logged authenticated
stop
ok 'three went through' is "$(grep -c ^CONNECT "$T/out")" 3
http_proxy=http://user:canary@127.0.0.1:1
start bad "$MUSTER_SERVER"
wait_for logged authenticated
stop
start worse "$far"
ok 'one with a password is not used' wait_for logged \
    'proxy of the environment cannot be used'
stop
ok 'nor told' is "$(cat "$T"/*.log | grep -c canary)" 0
unset http_proxy
start dead "$far" --proxy http://127.0.0.1:9
ok 'a dead proxy is a failed connection' wait_for logged 'connection failed'
stop
start port "http://agents.invalid:9" --proxy "$where"
ok "the proxy's refusal is told" wait_for logged 'the proxy refused: 502'
stop
ok 'a proxy that is no address: 100' exits 100 muster-agent --server "$far" \
    --plaintext --proxy ftp://x
done_testing
