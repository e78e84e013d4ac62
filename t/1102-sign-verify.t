#!/bin/sh
# muster-sign --verify says no, and by which check, to every other bit.
# shellcheck disable=SC2154	# set by pipeline-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/pipeline-lib.sh"

signer
head -c 3000 /dev/urandom >"$T/file"
sum=$(sha256sum <"$T/file")
sum=${sum%% *}
muster-sign "$T/file" >"$T/sig"
sig=$(cat "$T/sig")
verify() {
	muster-sign --verify -k "$public_key" -s "$sig" "$@"
}

ok 'the signature' exits 0 verify "$T/file"
ok 'and the checksum' exits 0 verify --checksum "$sum" "$T/file"
ok 'key and signature from files' exits 0 muster-sign --verify \
	-k "$T/keys/ed25519.pub" -s "$T/sig" "$T/file"
# shellcheck disable=SC2016
ok 'from standard input' exits 0 sh -c 'muster-sign --verify -k "$1" -s "$2" \
	- <"$3"' sh "$public_key" "$sig" "$T/file"

for at in 0 1499 2999; do
	cp "$T/file" "$T/bad"
	printf X | dd of="$T/bad" bs=1 seek=$at conv=notrunc status=none
	cmp -s "$T/file" "$T/bad" &&
		printf Y | dd of="$T/bad" bs=1 seek=$at conv=notrunc status=none
	ok "byte $at changed" exits 1 verify "$T/bad"
	ok 'is named: signature' says '^muster-sign: signature: ' \
		verify "$T/bad"
	ok 'or checksum' says '^muster-sign: checksum: ' \
		verify --checksum "$sum" "$T/bad"
done
head -c 2999 "$T/file" >"$T/short"
ok 'one byte less' exits 1 verify "$T/short"
ok 'the other domain' exits 1 verify --domain config "$T/file"
muster-sign --keygen --key-dir "$T/other" >/dev/null
ok 'another key' exits 1 muster-sign --verify -k "$T/other/ed25519.pub" \
	-s "$sig" "$T/file"

ok 'no key is wrong usage' exits 100 muster-sign --verify -s "$sig" "$T/file"
ok 'so is a key of another size' exits 100 muster-sign --verify -k "$sig" \
	-s "$sig" "$T/file"
ok 'and a checksum that is none' exits 100 verify --checksum 12 "$T/file"
ok 'a missing file' exits 111 verify "$T/missing"
ok 'an unknown domain' exits 100 verify --domain any "$T/file"
ok 'two uses at once' exits 100 muster-sign --verify --serve "$T/file"
ok 'no file' says '^usage: muster-sign' muster-sign
ok 'is wrong usage' exits 100 muster-sign
done_testing
