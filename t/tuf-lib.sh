# For tests of update metadata, after lib.sh: keys, a repository that
# muster-sign makes in $R, and a server that hands out $W.
# shellcheck shell=sh disable=SC2034,SC2154

R=$T/repo W=$T/web
tuf() { muster-sign tuf "$@" >"$T/.tuf" 2>"$T/.tuf-err" || {
	cat "$T/.tuf-err"; return 1; }; }
new_key() { muster-sign --keygen --key-dir "$T/$1" >"$T/.key"; }

# repository: two of three root keys, one of targets, one online.
repository() {
	for k in root1 root2 root3 targets online other; do
		new_key "$k"
	done
	tuf init "$R" --root-key "$T/root1" --root-key "$T/root2" \
	    --root-key "$T/root3" --root-threshold 2 \
	    --targets-key "$T/targets" --online-key "$T/online" \
	    -k "$T/root1" -k "$T/root2" -k "$T/targets"
}
# online [OPTION...]: snapshot and timestamp anew.
online() { tuf online "$R" -k "$T/online" "$@"; }
# release VERSION TEXT [OPTION...]: a target of these bytes.
release() {
	release_version=$1
	printf '%s' "$2" >"$T/file-$1"
	shift 2
	tuf target "$R" -k "$T/targets" -f "$T/file-$release_version" \
	    -V "$release_version" --platform linux-x64 "$@"
}
# publish: what a server would hand out now.
publish() {
	rm -rf "$W"
	mkdir -p "$W/metadata" "$W/targets"
	cp "$R"/*.json "$W/metadata"
	for f in "$T"/file-*; do
		[ -e "$f" ] || continue
		sum=$(sha256sum <"$f")
		cp "$f" "$W/targets/${sum%% *}.$(path_of_release "${f##*/file-}")"
	done
}
path_of_release() { echo "muster-agent_$1_linux-x64_stable"; }

# web: serves $W at $U.
web() {
	python3 "$TOP/t/static.py" "$W" >"$T/port" 2>"$T/web.log" &
	at_end "kill $! 2>/dev/null"
	wait_for test -s "$T/port"
	U=http://127.0.0.1:$(cat "$T/port")
}
# A client in the directory $C.
C=$T/client
client() { muster-tuf --metadata-dir "$C" --metadata-url "$U/metadata" "$@"; }
trust() { muster-tuf --metadata-dir "$C" init "${1:-$R/1.root.json}"; }
refresh() { client refresh; }
fetch() {
	mkdir -p "$T/got"
	client --target-base-url "$U/targets" --target-dir "$T/got" \
	    --target-name "$(path_of_release "$1")" download
}
# refused FAULT COMMAND...: ends with 1, and says why.
refused() {
	fault=$1
	shift
	got=0
	"$@" >"$T/.refused" 2>&1 || got=$?
	cat "$T/.refused"
	[ "$got" = 1 ] && grep -q "^muster-tuf: $fault: " "$T/.refused"
}
# version ROLE: of what the client trusts.
version() { jq .signed.version "$C/$1.json"; }
# edit FILE JQ-PROGRAM: changes a file that is handed out.
edit() {
	jq "$2" "$W/metadata/$1" >"$T/.edit" && cp "$T/.edit" "$W/metadata/$1"
}
