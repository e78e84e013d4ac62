# For the tests of a whole update, behind lib.sh, api-lib.sh, tuf-lib.sh and
# updater-cuts.sh: the real server with keys and releases, and the real agent
# in $TARGET.
# shellcheck shell=sh disable=SC2154,SC2034
WAIT=${WAIT:-60}
MUSTER_UPDATER_VERIFY_TIME=20s
export MUSTER_UPDATER_VERIFY_TIME
at_end "testbed --stop $T/srv"

# server: with a repository of releases.
server() {
	serve --open-registration --rate-limit-address 0
	A=$MUSTER_API_KEY
	for k in root targets; do
		new_key "$k"
	done
	daemon=$(muster-sign --print-public-key --socket \
	    "$T/srv/run/sign.sock")
	tuf init "$R" --root-key "$T/root" --targets-key "$T/targets" \
	    --online-key "$daemon" -k "$T/root" -k "$T/targets"
	case $(uname -m) in
	x86_64) platform=linux-x64 ;;
	*) platform=linux-arm64 ;;
	esac
}

# put FILE VERSION: a release.
put() {
	tuf target "$R" -k "$T/targets" -f "$1" -V "$2" \
	    --platform "$platform" && muster release publish "$R" "$1"
}

# start_agent [MEMBERS]: the old version; MEMBERS are further settings.
start_agent() {
	mkdir -p "$D" "$T/log"
	jq -n --rawfile root "$R/1.root.json" --arg log "$T/log/agent.log" \
	    '{update_root: $root, update_interval: "0s", log_file: $log}
	    + {'"${1-}"'}' >"$MUSTER_CONFIG"
	cp "$T/versions/old" "$TARGET"
	cp "$BIN/muster-updater" "$D/muster-updater"
	("$TARGET" --name box >"$T/first" 2>&1 &)
}

# What the server says about the agent.
shown() { muster agents --json | grep -Eq "\"version\": *\"$1\""; }
connected() {
	shown "$1" && muster agents --json | grep -Eq '"connected": *true'
}
rollout_is() {
	api "$A" GET "/api/rollouts/$id" >"$T/code"
	jq -e "$1" "$T/body" || { jq . "$T/body"; return 1; }
}
runs() { muster-lock --status "$LOCK" | grep -q "^version	$1$" && lives; }
proved() { [ "$(cut_step)" = "done" ]; }

show_logs() {
	tail -n 40 "$T/first" "$T/log/agent.log" "$T/log/updater.log"
	grep -h 'rollout\|agent' "$T/srv/buildsrv.log" | tail -n 20
}
ON_FAILURE=show_logs
