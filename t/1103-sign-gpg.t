#!/bin/sh
# Detached GPG signatures, of files inside the work directory alone.
# shellcheck disable=SC2154	# set by pipeline-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/pipeline-lib.sh"

command -v gpg >/dev/null || skip_all 'no gpg'
GNUPGHOME=$T/gnupg
export GNUPGHOME
mkdir -m 700 "$GNUPGHOME" "$T/work"
gpg --batch --quiet --pinentry-mode loopback --passphrase '' \
    --quick-generate-key sample@localhost ed25519 sign never 2>"$T/gen" ||
	skip_all 'gpg cannot make a key here'
at_end "gpgconf --kill all"
LINUX_GPG_KEY=sample@localhost signer --work-dir "$T/work"

echo 'a package' >"$T/work/file"
muster-sign --gpg "$T/work/file" >"$T/file.asc"
ok 'gpg accepts the signature' \
	gpg --batch --verify "$T/file.asc" "$T/work/file"
echo 'another' >"$T/other"
ok 'over these bytes alone' exits 1 \
	gpg --batch --verify "$T/file.asc" "$T/other"
sum=$(sha256sum <"$T/work/file")
ok 'it is recorded' grep -q "	gpg	${sum%% *}	file\$" \
	"$T/keys/signatures.log"

ok 'no file outside' exits 1 muster-sign --gpg "$T/other"
ok 'in words' says 'file: permission denied' muster-sign --gpg "$T/other"
mkdir "$T/work2"
cp "$T/other" "$T/work2/"
ok 'no directory that begins alike' exits 1 muster-sign --gpg "$T/work2/other"
mkfifo "$T/work/fifo"
ok 'no pipe' exits 1 muster-sign --gpg "$T/work/fifo"
ok 'no directory' exits 1 muster-sign --gpg "$T/work"
sign_path() {
	request "{\"op\":\"gpg\",\"file\":\"$1\"}"
}
ln -s "$T/other" "$T/work/link"
ln -s "$T" "$T/work/up"
ok 'no link' says '"ok": *false' sign_path "$T/work/link"
ok 'no link on the way' says '"ok": *false' sign_path "$T/work/up/other"
ok 'no way up' says '"ok": *false' sign_path "$T/work/../other"
ok 'but the file itself' says 'BEGIN PGP' sign_path "$T/work/file"
ok 'a missing one' exits 111 muster-sign --gpg "$T/work/none"
kill "$signer"
wait "$signer"
LINUX_GPG_KEY=nobody@localhost signer --work-dir "$T/work"
ok 'a key that gpg does not have' exits 1 muster-sign --gpg "$T/work/file"
done_testing
