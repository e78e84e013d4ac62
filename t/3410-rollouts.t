#!/bin/sh
# A rollout gives a release to a stable share of the agents, tells those that
# are connected, counts as updated who says so over its link, and stops when
# updates fail; nobody goes back without a signed word.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/tuf-lib.sh"
command -v node >/dev/null || skip_all 'no node'

at_end "testbed --stop $T/srv"
serve --open-registration --rate-limit-address 0
A=$MUSTER_API_KEY
for k in root targets; do
	new_key "$k"
done
daemon=$(muster-sign --print-public-key --socket "$T/srv/run/sign.sock")
tuf init "$R" --root-key "$T/root" --targets-key "$T/targets" \
    --online-key "$daemon" -k "$T/root" -k "$T/targets"
head -c 400000 /dev/urandom >"$T/file"
for v in 1.0.0 1.1.0 1.2.0; do
	printf '%s' "$v" | dd of="$T/file" bs=1 seek=1000 conv=notrunc 2>/dev/null
	cp "$T/file" "$T/agent-$v"
	tuf target "$R" -k "$T/targets" -f "$T/agent-$v" -V "$v" \
	    --platform linux-x64
done
muster release publish "$R" "$T"/agent-1.*.0 >"$T/out"

# -- the fleet --

N=20
mkfifo "$T/to"
node "$TOP/t/fleet.mjs" "ws${S#http}/ws/agent" $N <"$T/to" >"$T/fleet" \
    2>"$T/fleet.err" & fleet=$!
exec 5>"$T/to"
at_end "kill $fleet 2>/dev/null"
here() { [ "$(muster agents | grep -c '1\.0\.0')" = $N ]; }
ok 'the fleet is connected' wait_for here
token() { sed -n "s/^agent $1 //p" "$T/fleet"; }
# update N VERSION [QUERY]: what agent N is told.
update() {
	# shellcheck disable=SC2046
	set -- "$1" "$2" "${3:-}" $(token "$1")
	curl -s -u "$4:$5" -o "$T/body" -w '%{http_code}' \
	    "$S/api/agents/update?agent_id=$4&version=$2&target=linux-x64$3"
}
# shares: how many are told to take $offered, by asking as an administrator.
offered=1.1.0
shares() {
	shares_n=0
	for i in $(seq 0 $((N - 1))); do
		uid=$(token "$i")
		api "$A" GET "/api/agents/update?agent_id=${uid%% *}&version=1.0.0&target=linux-x64" \
		    >"$T/code"
		[ "$(get '[.update,.version]|join(" ")')" != "true $offered" ] || {
			shares_n=$((shares_n + 1))
			echo "$i"
		}
	done >"$T/shares"
	wc -l <"$T/shares"
}

# -- who may ask --

ok 'an agent may ask' is "$(update 0 1.0.0)$(get .update)" 200false
ok 'there is no rollout' is "$(get .reason)" none
ok 'without its token it may not' is "$(curl -s -o "$T/body" -w '%{http_code}' \
    -u "$(token 0 | cut -d ' ' -f 1):wrong" "$S/api/agents/update")" 401
ok 'nor for another' is "$(curl -s -o "$T/body" -w '%{http_code}' \
    -u "$(token 0 | tr ' ' :)" \
    "$S/api/agents/update?agent_id=$(token 1 | cut -d ' ' -f 1)&version=1")" 404
ok 'a version that is none' is "$(update 0 '%2e%2e/')" 400

# -- a share --

ok 'a version that is not released' exits 1 muster rollout start 7.7.7
id=$(muster rollout start 1.1.0 -p 30 --max-failures 2)
n=$(shares)
ok 'some of the agents have it, not all' test "$n" -gt 0 -a "$n" -lt $N
cp "$T/shares" "$T/first"
ok 'the same ones when asked again' is "$(shares && cmp "$T/shares" \
    "$T/first")" "$n"
told() { grep -c '^command [0-9]* update ' "$T/fleet"; }
all_told() { [ "$(told)" = "$n" ]; }
ok 'those are told over their link' wait_for all_told
one=$(head -n 1 "$T/first")
ok 'one of them gets what it needs' is "$(update "$one" 1.0.0)$(get \
    '[.update,.version,.path,.format,.length]|join(" ")')" \
    '200true 1.1.0 muster-agent_1.1.0_linux-x64_stable binary 400000'
ok 'the hash is the file'\''s' is "$(get .sha256)" \
    "$(sha256sum <"$T/agent-1.1.0" | cut -d ' ' -f 1)"
ok 'the file is at the URL' is "$(curl -s -u "$(token "$one" | tr ' ' :)" \
    "$(get .url)" | sha256sum | cut -d ' ' -f 1)" "$(get .sha256)"
ok 'in parts too' is "$(curl -s -u "$(token "$one" | tr ' ' :)" -r 5-14 \
    "$(get .url)" | wc -c)" 10
ok 'the metadata is at its URL' is "$(curl -s -u "$(token "$one" |
    tr ' ' :)" "$(get .metadata_url)timestamp.json" | jq -r .signed._type)" \
    timestamp
patched() {
	update "$one" 1.0.0 >"$T/code"
	[ "$(get .patch.format)" = zstd-patch-from ]
}
ok 'a patch is made' wait_for patched
curl -s -u "$(token "$one" | tr ' ' :)" -o "$T/patch" "$(get .patch.url)"
ok 'it has the hash that it says' is "$(sha256sum <"$T/patch" |
    cut -d ' ' -f 1)" "$(get .patch.sha256)"
ok 'it is below a tenth of the file' test "$(wc -c <"$T/patch")" -lt 40000
if command -v zstd >/dev/null; then
	zstd -q -d --patch-from="$T/agent-1.0.0" "$T/patch" -o "$T/patched"
	ok 'zstd makes the new file of the old one' \
	    cmp "$T/patched" "$T/agent-1.1.0"
fi

# -- who is updated --

report() {
	report_n=$1
	shift
	curl -s -u "$(token "$report_n" | tr ' ' :)" -o "$T/body" \
	    -w '%{http_code}' -H 'Content-Type: application/json' \
	    -d "{\"agent_id\":\"$(token "$report_n" | cut -d ' ' -f 1)\",\"version\":\"1.1.0\",$1}" \
	    "$S/api/agents/update/report"
}
counts() {
	api "$A" GET "/api/rollouts/$id" >"$T/code"
	get ".rollout.counts.$1"
}
count_is() { [ "$(counts "$1")" = "$2" ]; }
ok 'it reports how far it is' is "$(report "$one" \
    '"state":"installing","step":"swap"')" 200
ok 'it is busy then' is "$(counts busy)" 1
ok 'there is no report of success' is "$(report "$one" '"state":"updated"')" 400
ok 'asking with another version updates nobody' is \
    "$(update "$one" 1.1.0)$(counts updated)" 2000
echo "version $one 1.1.0" >&5
ok 'saying it over the link does' wait_for count_is updated 1

# -- failures --

# shellcheck disable=SC2046
set -- $(sed 1d "$T/first")
ok 'a failure is reported' is "$(report "$1" \
    '"state":"failed","step":"verify","code":"wrong_hash","error":"no"')" 200
ok 'it does not stop it yet' is "$(counts failed && get .rollout.state)" \
    '1
running'
update "$1" 1.0.0 >"$T/code"
ok 'who failed does not try again' is "$(get .reason)" failed
report "$2" '"state":"rolled_back","step":"prove","code":"crashed"' >"$T/code"
ok 'the second one stops it' is "$(counts failed && get .rollout.state)" '2
stopped'
ok 'and it says why' is "$(get .rollout.reason)" '2 agents failed'
ok 'the failures are shown' says 'failure.*verify.*wrong_hash' \
    muster rollout show "$id"
ok 'nobody gets it now' is "$(shares)" 0
ok 'watching it ends with 1' exits 1 muster rollout watch "$id"
metric() { api "$A" GET /metrics >"$T/code"; grep "^muster_rollout$1" "$T/body"; }
ok 'the metrics count it' says ' 1$' metric 's{state="stopped"}'
ok 'and whose updates failed' says '1\.1\.0".*is="failed"} 2$' metric _agents
ok 'resumed, it goes on' muster rollout resume "$id"
ok 'for those that failed too' is "$(shares)" "$n"
ok 'paused, it does not' muster rollout pause "$id"
ok 'for nobody' is "$(shares)" 0
muster rollout resume "$id"
ok 'more of them' muster rollout percent "$id" 100
ok 'is all that have it not' is "$(shares)" $N
kill_server
serve --open-registration --rate-limit-address 0
ok 'a killed server knows it all' says "^$id.1\.1\.0.stable.running.100" \
    muster rollout list
ok 'who did what is in the audit log' says "rollout.resume.*$id" muster audit

# -- stages --

id=$(muster rollout start 1.2.0 --stages 50,100 --hold 1h)
ok 'the first stage' is "$(counts share && get .rollout.percent)" \
    "$(get .rollout.counts.share)
50"
offered=1.2.0
half=$(shares)
ok 'is about half' test "$half" -gt 3 -a "$half" -lt 17

# -- going back --

update 0 1.9.0 >"$T/code"
ok 'an older one is not offered' is "$(get .update)" false
tuf target "$R" -k "$T/targets" -f "$T/agent-1.2.0" -V 1.2.0 \
    --platform linux-x64 --return-from 1.9.0
muster release publish "$R" >"$T/out"
muster rollout percent "$id" 100
update 0 1.9.0 >"$T/code"
ok 'but by a signed word it is' is "$(get .update)$(get .version)" true1.2.0
update 0 1.9.1 >"$T/code"
ok 'from that version alone' is "$(get .update)" false

# -- channels --

uid=$(token 0 | cut -d ' ' -f 1)
ok 'an agent goes to another channel' muster release channel "$uid" beta
update 0 1.0.0 >"$T/code"
ok 'where there is nothing' is "$(get '[.channel,.reason]|join(" ")')" \
    'beta none'
ok 'ended, it is over' muster rollout end "$id"
ok 'for good' exits 1 muster rollout resume "$id"
types() {
	muster events -a --json | jq -r 'select(.rollout.version == "1.2.0") |
	    .type[7:] + " " + (.rollout.percent | tostring)' | tr '\n' ,
}
ok 'each change is an event' is "$(types)" \
    'Started 50,Advanced 100,Ended 100,'
ok 'for people, too' says "rolloutEnded.$id.ended.1\.2\.0" muster events -a
ok 'nobody else has them' is "$(MUSTER_API_KEY=$(account other) \
    muster events)" ''
ok 'a webhook can be for one type' muster webhook add -e rolloutStopped \
    https://example.com/
exec 5>&-
done_testing
