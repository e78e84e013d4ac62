#!/bin/sh
# A release is a file and metadata that was signed offline; the server takes
# neither without the other's word, keeps the online roles fresh by itself,
# and cannot make a release of its own.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/tuf-lib.sh"

at_end "testbed --stop $T/srv"
serve --timestamp-life 6s
user=$(account someone)
A=$MUSTER_API_KEY
for k in root targets other; do
	new_key "$k"
done
daemon=$(muster-sign --print-public-key --socket "$T/srv/run/sign.sock")
tuf init "$R" --root-key "$T/root" --targets-key "$T/targets" \
    --online-key "$daemon" -k "$T/root" -k "$T/targets"
head -c 2500000 /dev/urandom >"$T/agent-1"
cp "$T/agent-1" "$T/agent-2"
printf 'changed' | dd of="$T/agent-2" bs=1 seek=1000000 conv=notrunc 2>/dev/null
add() {
	tuf target "$R" -k "${3:-$T/targets}" -f "$2" -V "$1" \
	    --platform linux-x64
}
add 1.0.0 "$T/agent-1"

ok 'nothing is released at first' is "$(muster release list)" ''
ok 'a rollout of nothing is refused' exits 1 muster rollout start 1.0.0
ok 'metadata alone is published' muster release publish "$R"
ok 'its file is missing' says '1.0.0.*missing' muster release list
ok 'and is no release yet' exits 1 muster rollout start 1.0.0
ok 'a file is published, in parts' muster release publish "$R" "$T/agent-1"
ok 'it is there' says '1.0.0.*there' muster release list
ok 'publishing again is no error' muster release publish "$R" "$T/agent-1"
ok 'the roles are shown' is "$(muster release metadata | cut -f 1 |
    tr '\n' ' ')" 'root targets snapshot timestamp '

# -- what the server refuses --

sum=$(sha256sum <"$T/agent-2")
sum=${sum%% *}
ok 'a part of a file that is not there' is "$(api "$A" PUT \
    "/api/releases/files/$sum?offset=5&size=9" -d x)" 409
ok 'a file of another hash' is "$(api "$A" PUT \
    "/api/releases/files/$sum?size=1" -d x)" 422
ok 'a part past the size' is "$(api "$A" PUT \
    "/api/releases/files/$sum?size=1" -d xyz)" 400
next=$(find "$R" -name '*.targets.json' | wc -l)
next=$((next + 1))
add 6.6.6 "$T/agent-2" "$T/other"
ok 'targets that another key has signed' says 'wrong_signature' \
    muster release publish "$R"
ok 'by 422' is "$(api "$A" PUT "/api/releases/metadata/$next.targets.json" \
    --data-binary "@$R/$next.targets.json")" 422
rm "$R/$next.targets.json"
ok 'a snapshot from outside' is "$(api "$A" PUT \
    /api/releases/metadata/9.snapshot.json -d '{}')" 400
ok 'no metadata at all' is "$(api "$A" PUT \
    /api/releases/metadata/9.targets.json -d '{}')" 422
ok 'from another user' is "$(api "$user" PUT \
    /api/releases/metadata/9.targets.json -d '{}')" 403
ok 'no path of its own' is "$(api "$A" GET \
    /api/releases/metadata/..%2fidentity.key)" 404

# -- a client of it --

C=$T/client
ok 'a client trusts the root' muster-tuf --metadata-dir "$C" init \
    "$R/1.root.json"
client() {
	muster-tuf --metadata-dir "$C" \
	    --metadata-url "$S/api/releases/metadata" \
	    --target-base-url "$S/api/releases/targets" --target-dir "$T" "$@"
}
ok 'and fetches the release' client \
    --target-name muster-agent_1.0.0_linux-x64_stable download
ok 'byte for byte' cmp "$T/agent-1" "$T/muster-agent_1.0.0_linux-x64_stable"

# -- the online roles --

v=$(jq .signed.version "$C/timestamp.json")
newer() {
	client refresh && [ "$(jq .signed.version "$C/timestamp.json")" -gt "$v" ]
}
ok 'the timestamp is signed anew by itself' wait_for newer
ok 'the server is healthy' is "$(api - GET /healthz)$(get .status)" 200ok
ok 'the metric has each role' is "$(api "$A" GET /metrics; grep -c \
    '^muster_tuf_expiry_seconds{role=' "$T/body")" 2004
read -r pid <"$T/srv/sign.pid"
kill -STOP "$pid"
degraded() {
	api - GET /healthz >"$T/code"
	[ "$(get .status)" = degraded ]
}
ok 'without the helper it is degraded' wait_for degraded
ok 'and says of what' says 'timestamp' get .reason
kill -CONT "$pid"
healthy() {
	api - GET /healthz >"$T/code"
	[ "$(get .status)" = ok ]
}
ok 'with it it recovers' wait_for healthy
ok 'the signatures are in its record' says 'timestamp' \
    grep -rh timestamp "$T/srv" --include=signatures.log

# -- after a restart --

add 1.1.0 "$T/agent-2"
muster release publish "$R" "$T/agent-2" >"$T/out"
kill_server
serve --timestamp-life 6s
ok 'a killed server has all of it' is "$(muster release list | cut -f 1,4 |
    tr '\t\n' '  ')" '1.0.0 there 1.1.0 there '
ok 'and a client its new release' client \
    --target-name muster-agent_1.1.0_linux-x64_stable download

# -- what nothing names --

gone_sum=$(printf 'nobody names this' | sha256sum | cut -d ' ' -f 1)
printf 'nobody names this' >"$T/srv/state/releases/$gone_sum"
printf 'nor this' >"$T/srv/state/releases/$gone_sum.part"
files() { find "$T/srv/state/releases" -type f | wc -l; }
all=$(files)
api "$A" POST /api/cleanup >"$T/code"
ok 'what is young stays' is "$(files)" "$all"
kill_server
serve --timestamp-life 6s --orphan-grace 0
cleaned() {
	api "$A" POST /api/cleanup >"$T/code"
	[ "$(files)" = $((all - 2)) ]
}
ok 'later both go'	wait_for cleaned
ok 'the released stay'	is "$(muster release list | cut -f 1,4 |
    tr '\t\n' '  ')" '1.0.0 there 1.1.0 there '
done_testing
