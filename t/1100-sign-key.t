#!/bin/sh
# The private key is made once, for one user, and refused where others could
# read it.
. "${0%/*}/lib.sh"

umask 022
muster-sign --keygen --key-dir "$T/keys" >"$T/out"
ok 'keygen prints the public key' grep -Eqx '[A-Za-z0-9+/]{43}=' "$T/out"
ok 'and keeps it beside the other' cmp "$T/out" "$T/keys/ed25519.pub"
ok 'the key is private' is "$(stat -c %a "$T/keys/ed25519.key")" 600
ok 'and so is its directory' is "$(stat -c %a "$T/keys")" 700
cp "$T/keys/ed25519.key" "$T/before"
ok 'a second one is refused' exits 1 muster-sign --keygen --key-dir "$T/keys"
ok 'and the first stays' cmp "$T/keys/ed25519.key" "$T/before"
muster-sign --keygen --key-dir "$T/other" >"$T/out2"
ok 'two keys differ' exits 1 cmp -s "$T/out" "$T/out2"

serve() {
	muster-sign --serve --key-dir "$T/keys" --socket "$T/sock"
}

chmod 640 "$T/keys/ed25519.key"
ok 'a key that a group can read is refused' exits 100 serve
ok 'in words' says 'ed25519.key: mode 0640' serve
chmod 600 "$T/keys/ed25519.key"
chmod 770 "$T/keys"
ok 'a directory that a group can change too' exits 100 serve
chmod 700 "$T/keys"
mv "$T/keys/ed25519.key" "$T/keys/real"
ln -s real "$T/keys/ed25519.key"
ok 'a link is refused' exits 100 serve
rm "$T/keys/ed25519.key"
head -c 44 "$T/keys/real" >"$T/keys/ed25519.key"
chmod 600 "$T/keys/ed25519.key"
ok 'half a key is refused' says 'holds no key' serve
head -c 45 /dev/zero >"$T/keys/ed25519.key"
ok 'and one of zeros' says 'holds no key' serve
rm "$T/keys/ed25519.key"
ok 'and none' exits 100 serve
ok 'no socket is left' test ! -e "$T/sock"
done_testing
