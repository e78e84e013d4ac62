# For the tests of muster(1) against servers that misbehave: serve SCENARIO
# (cli-server.mjs) makes MUSTER_SERVER that server; $T/log has its requests.
# shellcheck shell=sh
server=
kill_server() { [ -z "$server" ] || kill "$server" 2>/dev/null || :; }
at_end kill_server
serve() {
	kill_server
	: >"$T/url"
	: >"$T/log"
	node "$TOP/t/cli-server.mjs" "$1" "$T/log" >"$T/url" &
	server=$!
	wait_for test -s "$T/url" || exit 1
	read -r MUSTER_SERVER <"$T/url"
	export MUSTER_SERVER
}
