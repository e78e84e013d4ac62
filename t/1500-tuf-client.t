#!/bin/sh
# What muster-sign makes, muster-tuf takes; what was changed on the way it
# refuses, each cause by its own name, and keeps what it had.
. "${0%/*}/lib.sh"
. "${0%/*}/tuf-lib.sh"

ok 'a repository is made'	repository
ok 'it has a release'		release 1.0 'one'
online
publish
web

ok 'without a root nothing is fetched'	refused no_root refresh
ok 'a root is trusted'		trust
ok 'the metadata is taken'	refresh
ok 'and the release'		fetch 1.0
ok 'byte for byte'	cmp "$T/file-1.0" "$T/got/$(path_of_release 1.0)"
ok 'what is not there is refused'	refused no_target fetch 9.9

# -- the server lies about a file --

release 1.1 'two'
online
publish
good=$(ls "$W"/targets/*_1.1_*)
printf 'twO' >"$good"
ok 'other bytes are refused'	refused wrong_hash fetch 1.1
ok 'and not kept'		exits 1 test -e "$T/got/$(path_of_release 1.1)"
printf 'tw' >"$good"
ok 'fewer bytes are refused'	refused wrong_length fetch 1.1
rm "$good"
ok 'a file that is gone'	exits 1 fetch 1.1
publish
ok 'the right ones are taken'	fetch 1.1

# -- the server lies about metadata --

before=$(cat "$C"/*.json | sha256sum)
unchanged() { is "$(cat "$C"/*.json | sha256sum)" "$before"; }
v=$(version timestamp)

edit timestamp.json ".signed.version = $((v + 1))"
ok 'a timestamp that nobody signed'	refused wrong_signature refresh
ok 'leaves the client as it was'	unchanged
publish
edit timestamp.json '.signed._type = "snapshot"'
ok 'another type'		refused wrong_type refresh
publish
edit timestamp.json 'del(.signed.meta)'
ok 'another form'		refused malformed refresh
echo '{' >"$W/metadata/timestamp.json"
ok 'no JSON'			refused malformed refresh
head -c 20000 /dev/zero | tr '\0' ' ' >"$W/metadata/timestamp.json"
ok 'too large'			refused too_large refresh
rm "$W/metadata/timestamp.json"
ok 'none at all'		refused missing refresh
publish
cp "$W/metadata/timestamp.json" "$T/old-timestamp"
online
publish
ok 'a newer one is taken'	refresh
cp "$T/old-timestamp" "$W/metadata/timestamp.json"
ok 'the old one is not taken back'	refused rolled_back refresh

# A snapshot that is not the timestamp's: mixed, and one of another length.
publish
s=$(version snapshot)
online
publish
cp "$W/metadata/$s.snapshot.json" "$W/metadata/$((s + 1)).snapshot.json"
ok 'an old snapshot under the new name'	refused wrong_hash refresh
cp "$R/$((s + 1)).snapshot.json" "$T/snapshot"
head -c -1 "$T/snapshot" >"$W/metadata/$((s + 1)).snapshot.json"
ok 'one with a byte less'	refused wrong_length refresh
{ cat "$T/snapshot" && echo; } >"$W/metadata/$((s + 1)).snapshot.json"
ok 'and one with a byte more'	refused too_large refresh
publish
ok 'the real one is taken'	refresh

# -- time --

online --days 0
publish
ok 'an expired timestamp'	refused expired refresh
online
publish
ok 'a good one behind it'	refresh
tuf target "$R" -k "$T/targets" --days 0
online
publish
ok 'expired targets'		refused expired refresh
release 1.2 'three'
online
publish
ok 'new ones behind them'	fetch 1.2

# -- what was kept is believed no more than what comes --

echo '{"signed":{},"signatures":[]}' >"$C/snapshot.json"
echo garbage >"$C/timestamp.json"
ok 'damaged files of its own are fetched again'	refresh
echo garbage >"$C/root.json"
ok 'but not the root'		refused malformed refresh
done_testing
