#!/bin/sh
# Keys: rotation, thresholds, delegations; and that the online keys alone make
# nothing that a client installs.
. "${0%/*}/lib.sh"
. "${0%/*}/tuf-lib.sh"

repository
release 1.0 'one'
online
publish
web
trust
ok 'a client has the release'	fetch 1.0

# -- the online key is stolen, and the server with it --

cp -R "$R" "$T/honest"
cp -R "$C" "$T/deceived"
honest() {
	rm -rf "$R"
	cp -R "$T/honest" "$R"
	publish
}
# A release that the thief signs with what he has.
printf 'evil' >"$T/file-6.6"
tuf target "$R" -k "$T/online" -f "$T/file-6.6" -V 6.6 --platform linux-x64
online
publish
C=$T/deceived
ok 'targets signed by the online key'	refused wrong_signature fetch 6.6
C=$T/client
rm "$T/file-6.6"
honest
# The real targets under their name, with his bytes in them.
n=$(jq .signed.version "$C/targets.json")
edit "$n.targets.json" '.signed.targets |= with_entries(.value.length = 4)'
cp -R "$C" "$T/fresh"
rm "$T/fresh/targets.json"
C=$T/fresh
ok 'targets that were changed'	refused wrong_signature refresh
C=$T/client
# A root of his own.
tuf root "$R" --targets-key "$T/online" -k "$T/online"
publish
ok 'a root signed by the online key'	refused wrong_signature refresh
# shellcheck disable=SC2016
ok 'the daemon signs no root'	says 'only a snapshot or a timestamp' \
    sh -c 'muster-sign --serve --key-dir "$1/online" --socket "$1/s" \
	2>"$1/sign.log" & pid=$!
	while ! [ -S "$1/s" ]; do sleep 0.02; done
	for type in root targets; do
		echo "{\"op\":\"tuf\",\"signed\":{\"_type\":\"$type\"}}"
	done | timeout 5 perl -MIO::Socket::UNIX -e '"'"'
	$s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; $s->autoflush;
	while (<STDIN>) { print $s $_; print scalar <$s> }'"'"' "$1/s" |
	grep -c "only a snapshot" | grep -qx 2 && echo "only a snapshot or a timestamp"
	kill $pid' - "$T"
honest
online
publish
ok 'the honest repository goes on'	fetch 1.0

# -- rotation --

tuf root "$R" --targets-key "$T/other" -k "$T/root1"
publish
ok 'one root signature of two'	refused wrong_signature refresh
tuf sign "$R" 2.root.json -k "$T/root3"
publish
ok 'with the second one it is the root, and the old key no longer counts' \
    refused wrong_signature refresh
ok 'its version is 2'		is "$(version root)" 2
release 1.1 'two' -k "$T/other"
online
publish
ok 'the new key is good'	fetch 1.1
tuf root "$R" --root-key "$T/root3" --root-key "$T/other" \
    --root-key "$T/online" -k "$T/root3" -k "$T/other"
publish
ok 'a root signed by too few of the old keys'	refused wrong_signature refresh
tuf sign "$R" 3.root.json -k "$T/root1"
publish
ok 'signed by both'		refresh
ok 'is version 3'		is "$(version root)" 3
# Versions that an attacker raised are forgotten with his keys.
tuf root "$R" --online-key "$T/other" -k "$T/root3" -k "$T/other"
jq '.signed.version' "$C/timestamp.json" >"$T/raised"
rm "$R/timestamp.json" "$R"/*.snapshot.json
tuf online "$R" -k "$T/other"
publish
ok 'with new online keys versions may begin anew'	refresh
ok 'at 1'			is "$(version timestamp)" 1
C=$T/deceived
ok 'and who believed the thief of a snapshot is free of him'	fetch 1.1
C=$T/client

# -- thresholds of targets --

tuf root "$R" --targets-key "$T/other" --targets-key "$T/targets" \
    --targets-threshold 2 -k "$T/root3" -k "$T/other"
release 1.2 'three' -k "$T/targets"
tuf online "$R" -k "$T/other"
publish
ok 'one targets signature of two'	refused wrong_signature fetch 1.2
tuf sign "$R" "$(cd "$R" && printf '%s\n' ./*.targets.json | sort -V | tail -n 1)" \
    -k "$T/other"
publish
ok 'both'			fetch 1.2

# -- delegation --

new_key beta
tuf delegate "$R" --role beta --role-key "$T/beta" --pattern '*_*_*_beta' \
    -k "$T/beta" -k "$T/targets" -k "$T/other"
printf 'beta' >"$T/file-b"
tuf target "$R" --role beta -k "$T/beta" -f "$T/file-b" -V 2.0 \
    --platform linux-x64 --channel beta
tuf target "$R" --role beta -k "$T/beta" -f "$T/file-b" -V 2.0 \
    --platform linux-x64
tuf online "$R" -k "$T/other"
publish
sum=$(sha256sum <"$T/file-b")
cp "$T/file-b" "$W/targets/${sum%% *}.muster-agent_2.0_linux-x64_beta"
fetch_beta() {
	client --target-base-url "$U/targets" --target-dir "$T/got" \
	    --target-name muster-agent_2.0_linux-x64_beta download
}
ok 'a delegated role vouches for its channel'	fetch_beta
ok 'and for no other'		refused no_target fetch 2.0
tuf target "$R" --role beta -k "$T/online" -f "$T/file-b" -V 2.1 \
    --platform linux-x64 --channel beta
tuf online "$R" -k "$T/other"
publish
ok 'its key is needed'		refused wrong_signature fetch_beta
done_testing
