# For the tests of an agent that updates itself, behind lib.sh and
# updater-cuts.sh: a server of updates (update-server.mjs), and the agent in
# $TARGET, registered there.
# shellcheck shell=sh disable=SC2154,SC2034
command -v node >/dev/null || skip_all 'node is not installed'
WAIT=60		# it ends; how soon is for the bench to say
S=$T/server
mkdir -p "$S"
node "$TOP/t/update-server.mjs" "$S" >"$T/server.log" 2>&1 &
server=$!
at_end kill "$server"
wait_for test -s "$S/port"
PORT=$(cat "$S/port")
MUSTER_AGENT_SERVER=http://127.0.0.1:$PORT
MUSTER_CONFIG=$T/agent.json
case $(uname -m) in
x86_64) PLATFORM=linux-x64 ;;
*) PLATFORM=linux-arm64 ;;
esac
MUSTER_UPDATER_SETTLE=${SETTLE:-300ms}
MUSTER_UPDATER_VERIFY_TIME=10s
export MUSTER_UPDATER_SETTLE MUSTER_UPDATER_VERIFY_TIME

# release FILE VERSION [JSON]: what the server has; JSON are more members.
release() {
	cat >"$S/release.json.new" <<-END
		{"version":"$2","target":"$PLATFORM","channel":"stable",
		 "format":"binary","file":"$1"${3:+,$3}}
	END
	mv "$S/release.json.new" "$S/release.json"
}

# An agent that is registered and trusts the server's root; settle is short.
settings() {
	jq -n --rawfile root "$S/root.json" --arg log "$T/log/agent.log" \
	    '{update_root: $root, update_interval: "0s", log_file: $log}' \
	    >"$MUSTER_CONFIG"
}

register() {
	jq -n --arg url "ws://127.0.0.1:$PORT/ws/agent" '{version: 1,
	    server: $url, registration_id: "r", agent_uid: "uid-1",
	    bootstrap_token: "token", registered: 1}' \
	    >"$STATE/registration.json"
	chmod 600 "$STATE/registration.json"
}

# start_agent: the old version, in a directory of its own, with an updater.
start_agent() {
	end_agents
	rm -rf "$STATE" "$T/log" "$T/run" "$D"
	mkdir -p "$D" "$T/log" "$STATE"
	chmod 700 "$STATE"
	cp "${1:-$T/versions/old}" "$TARGET"
	cp "$BIN/muster-updater" "$D/muster-updater"
	register
	rm -f "$S"/report.* "$S/requests"
	("$TARGET" >"$T/first" 2>&1 &)
	wait_for lives
	wait_for muster-agent status
}

# ask: the command that the server would send on the link.
ask() { muster-agent command update; }
runs() { muster-lock --status "$LOCK" | grep -q "^version	$1$" && lives; }
ended() { [ "$(cut_step)" = "$1" ]; }
reported() { cat "$S"/report.* 2>/dev/null | grep -q .; }
report_has() {
	wait_for reported
	cat "$S"/report.* >"$T/report"
	jq -e "$1" "$T/report" || { jq . "$T/report"; return 1; }
}

# Both programs' words, under each failure.
show_logs() {
	for log in agent updater; do
		echo "-- $log.log"
		tail -n 25 "$T/log/$log.log"
	done
	echo "-- asked of the server"
	cat "$S/requests"
}
# shellcheck disable=SC2034
ON_FAILURE=show_logs
