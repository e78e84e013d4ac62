#!/bin/sh
# The daemon signs for those whom it allows, and keeps a record of it.
# shellcheck disable=SC2154	# set by pipeline-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/pipeline-lib.sh"

signer
echo 'some bytes' >"$T/file"
muster-sign "$T/file" >"$T/sig"
ok 'a signature comes alone' grep -Eqx '[A-Za-z0-9+/]{86}==' "$T/sig"
ok 'it is right' muster-sign --verify -k "$public_key" -s "$T/sig" "$T/file"
muster-sign - <"$T/file" >"$T/sig2"
ok 'as a filter it is the same' cmp "$T/sig" "$T/sig2"
muster-sign --domain config "$T/file" >"$T/sig3"
ok 'for another use it is another' exits 1 cmp -s "$T/sig" "$T/sig3"
ok 'that does not serve the first' exits 1 \
	muster-sign --verify -k "$public_key" -s "$T/sig3" "$T/file"
ok 'but its own' muster-sign --verify --domain config -k "$public_key" \
	-s "$T/sig3" "$T/file"
ok 'the public key is the one of keygen' \
	is "$(muster-sign --print-public-key)" "$public_key"
muster-sign --print-public-key "$T/file" >"$T/both"
ok 'with a file it follows the signature' \
	is "$(sed -n 2p "$T/both")" "$public_key"

log=$T/keys/signatures.log
sum=$(sha256sum <"$T/file")
ok 'every signature has a line in the record' is "$(wc -l <"$log")" 4
ok 'of who, what for, which bytes and what name' grep -Eq \
	"^[0-9TZ:.-]+	$(id -u)	[0-9]+	artifact	${sum%% *}	file\$" "$log"
muster-sign --name 'two
lines	tab' "$T/file" >/dev/null
ok 'a name cannot forge a line' is "$(wc -l <"$log")" 5
ok 'nor a column' grep -q 'two?lines?tab$' "$log"
ok 'the record is private' is "$(stat -c %a "$log")" 600
ok 'the socket too' is "$(stat -c %a "$T/sign.sock")" 600

ok 'no core can be dumped' grep -q '^Max core file size  *0  *0 ' \
	"/proc/$signer/limits"
ok 'no privilege can be gained' grep -q '^NoNewPrivs:[[:space:]]*1' \
	"/proc/$signer/status"

h=$(printf %064d 0)
ok 'the protocol is for people too' says '"ok": *true' \
	request '{"op":"public_key"}'
ok 'an unknown op' says 'op: must be' request '{"op":"export"}'
ok 'an unknown domain' says 'domain' \
	request "{\"op\":\"sign\",\"domain\":\"x\",\"sha256\":\"$h\"}"
ok 'a short hash' says 'sha256' \
	request '{"op":"sign","domain":"config","sha256":"00"}'
ok 'no hex' says 'sha256' request "{\"op\":\"sign\",\"domain\":\
\"config\",\"sha256\":\"zz${h#00}\"}"
ok 'an unknown member' says 'extra' request "{\"op\":\"sign\",\
\"domain\":\"config\",\"sha256\":\"$h\",\"extra\":1}"
ok 'a wrong type' says 'name' request "{\"op\":\"sign\",\
\"domain\":\"config\",\"sha256\":\"$h\",\"name\":[1]}"
ok 'gpg without a key' says 'gpg: no key' \
	request '{"op":"gpg","file":"/etc/passwd"}'
ok 'none of them was signed' is "$(wc -l <"$log")" 5

# Without its record there is no signature (root writes past modes, but not
# into a directory).
mv "$log" "$log.1"
mkdir "$log"
ok 'what cannot be recorded is not signed' exits 1 muster-sign "$T/file"
rmdir "$log"
ok 'afterwards it is' muster-sign "$T/file"
ok 'in a new file' is "$(wc -l <"$log")" 1

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$T"
	cp "$(command -v muster-sign)" "$T/client"
	chmod 755 "$T/client"
	chmod 666 "$T/sign.sock"
	nobody() {
		setpriv --reuid 65534 --regid 65534 --clear-groups \
		    env HOME=/ "$T/client" --socket "$T/sign.sock" - <"$T/file"
	}
	ok 'another user is not answered' exits 111 nobody
	kill "$signer"
	wait "$signer"
	ok 'SIGTERM ends it in order' is $? 0
	ok 'and takes the socket away' test ! -e "$T/sign.sock"
	signer --allow-uid 65534
	ok 'unless allowed' nobody
	ok 'and is recorded by uid' grep -q '	65534	' "$log"
fi

kill "$signer"
wait "$signer"
ok 'SIGTERM ends it' is $? 0
ok 'without it there is no signature' exits 111 muster-sign "$T/file"
# shellcheck disable=SC2016
ok 'it says when it is ready' says '^ready$' sh -c '
	muster-sign --serve --key-dir "$1/keys" --socket "$1/s2" --ready-fd 1 \
	    2>"$1/s2.log" >"$1/ready" & pid=$!
	while ! [ -s "$1/ready" ] && kill -0 $pid; do sleep 0.05; done
	cat "$1/ready"
	kill $pid; wait $pid' sh "$T"
ok 'bad uids are refused' exits 100 muster-sign --serve --key-dir "$T/keys" \
	--socket "$T/s3" --allow-uid root
done_testing
