# For tests of the gateway, after lib.sh and api-lib.sh.
# shellcheck shell=sh disable=SC2034,SC2154

# gateway_start [OPTION...]: a server that agents may register with, until the
# test ends; its key is $A.
gateway_start() {
	for tool in node jq; do
		command -v $tool >/dev/null || skip_all "no $tool"
	done
	at_end unlink_agents
	at_end "testbed --stop $T/srv"
	serve --open-registration "$@"
	A=$MUSTER_API_KEY
}

# link NAME [INFO [HOST]]: an agent of document 002 that is connected under
# this name, or under HOST; what it says is in $T/NAME.out, what it is to send
# goes to $T/NAME.say.
agents=''
link() {
	mkfifo "$T/$1.say"
	node "$TOP/t/agent002.mjs" "ws${S#http}/ws/agent" "$T/$1.pem" \
	    "${3:-$1}" ${2:+"$2"} <"$T/$1.say" >"$T/$1.out" 2>&1 &
	agents="$agents $!"
	sleep 3600 >"$T/$1.say" &	# holds the pipe open
	agents="$agents $!"
	wait_for grep -q '^ready' "$T/$1.out" || { cat "$T/$1.out"; exit 1; }
}
unlink_agents() {
	# shellcheck disable=SC2086
	kill $agents 2>/dev/null
	rm -f "$T"/*.say
	agents=''
}
# tell NAME JSON: one line to what it sends; said NAME PATTERN [N].
tell() { echo "$2" | tr '\n' ' ' | sed 's/$/\n/' >"$T/$1.say"; }
said() { [ "$(grep -Ec "$2" "$T/$1.out")" -ge "${3:-1}" ]; }
uid_of() { muster agents | awk -F '\t' -v n="$1" '$2 == n { print $1 }'; }
