#!/bin/sh
# What is not what it should be is refused, and the old agent never stops.
. "${0%/*}/lib.sh"
. "${0%/*}/updater.sh"

make_agent "$TARGET" 1.0
make_agent "$NEW" 2.0
start_agent
pid=$(agent_pid)

# refused TITLE PATTERN FLAG...: exit 1, those words, and nothing has changed.
refused() {
	what=$1
	pattern=$2
	shift 2
	ok "$what"			exits 1 update "$@"
	ok "$what: in words"		says "$pattern" update "$@"
	ok "$what: in the journal"	journal_has failed_text ".*$pattern"
	ok "$what: all as it was"	unchanged
}
unchanged() { installed 1.0 && runs 1.0 && alive "$pid"; }

zeros=$(printf '%064d' 0)
refused 'another checksum' 'checksum differs' --checksum "$zeros"
refused 'another version' 'version 2.0, wanted 2.1' --expect-version 2.1

if command -v openssl >/dev/null; then
	openssl genpkey -algorithm ed25519 -out "$T/k.pem" 2>/dev/null
	key=$(openssl pkey -in "$T/k.pem" -pubout -outform DER | tail -c 32 |
	    base64 -w 0)
	# sign WORD FILE: over the word, a NUL and the SHA-256.
	sign() {
		{
			printf '%s\0' "$1"
			openssl dgst -sha256 -binary "$2"
		} >"$T/signed"
		openssl pkeyutl -sign -rawin -inkey "$T/k.pem" \
		    -in "$T/signed" | base64 -w 0
	}
	refused 'a signature of other bytes' 'signature is not' \
	    --public-key "$key" \
	    --signature "$(sign muster-artifact-v1 "$TARGET")"
	refused 'a signature for another use' 'signature is not' \
	    --public-key "$key" \
	    --signature "$(sign muster-config-v1 "$NEW")"
	good=$(sign muster-artifact-v1 "$NEW")
	refused 'a signature of another key' 'signature is not' \
	    --public-key "$(printf '%032d' 1 | base64 -w 0)" --signature "$good"
fi

# A damaged binary whose checksum is right: it cannot run here.
make_agent "$NEW" 2.0
cp "$NEW" "$T/good"
printf '\177ELF and no more' >"$NEW"
refused 'a binary that cannot run' 'new --version' --settle 1s
make_agent "$NEW" 2.0 exit
sed -i 's/{ echo.*}/exit 4/' "$NEW"
refused 'a binary that fails' 'exit code 4' --settle 1s
cp "$TARGET" "$NEW"
refused 'the same binary again' 'this very binary' --settle 1s
cp "$T/good" "$NEW"

if [ -n "${good-}" ]; then
	ok 'the right signature is taken' \
	    update --public-key "$key" --signature "$good"
	ok 'and the new one runs' runs 2.0
	pid=$(agent_pid)
fi

# An agent that has begun to leave for this update is started again.
make_agent "$TARGET" 1.0
stop_agents
start_agent
pid=$(agent_pid)
(sleep 0.5; kill "$pid") &
ok 'refused while the agent leaves' \
    exits 1 update --pid "$pid" --wait 20s --checksum "$zeros"
ok 'the old one was started again' runs 1.0
ok 'as another process' exits 1 alive "$pid"

# Another agent than the one that was waited for holds the lock.
(sleep 600 & echo $! >"$T/other") >/dev/null 2>&1
other=$(cat "$T/other")
at_end "kill $other 2>/dev/null"
pid=$(agent_pid)
ok 'the lock is held by another one' \
    says 'held by process .* another agent' update --pid "$other"
ok 'which goes on' unchanged

packed() {
	muster-updater --package "$T/p.tar.gz" --target "$TARGET" \
	    --checksum "$(sha "$T/p.tar.gz")"
}
echo no >"$T/p.tar.gz"
ok 'a package that is none'	says 'tar -tzf: exit code' packed
tar -czf "$T/p.tar.gz" -C "$T" new-agent
ok 'a package without an agent'	says '0 members are called' packed
mkdir -p "$T/pkg/a" "$T/pkg/b"
cp "$NEW" "$T/pkg/a/muster-agent"
cp "$NEW" "$T/pkg/b/muster-agent"
tar -czf "$T/p.tar.gz" -C "$T/pkg" a b
ok 'a package with two'		says '2 members are called' packed
ln -sf /bin/sh "$T/pkg/a/muster-agent"
tar -czf "$T/p.tar.gz" -C "$T/pkg" a
ok 'a package with a link'	says 'not a regular file' packed
tar -czPf "$T/p.tar.gz" -C "$T/pkg/b" ../b/muster-agent
ok 'a member that leads out'	says 'a member \.\./b' packed
ok 'and nothing has changed'	unchanged
ok 'nothing unpacked is left'	test ! -e "$T/state/update.d"

# Wrong usage.
wrong() {
	what=$1
	pattern=$2
	shift 2
	ok "$what"		exits 100 muster-updater "$@"
	ok "$what: in words"	says "$pattern" muster-updater "$@"
	ok "$what: usage"	says '^usage: ' muster-updater "$@"
}
wrong 'no file' '--package or --binary' --target "$TARGET"
wrong 'both' '--package or --binary' --binary a --package b
wrong 'no target' '--target: required' --binary a --checksum "$zeros"
wrong 'nothing to check by' '--checksum or --signature' --binary a \
    --target "$TARGET"
wrong 'a bad checksum' '--checksum' --binary a --checksum xyz
wrong 'a key without a signature' '--signature: required' --binary a \
    --public-key "$(printf '%032d' 1 | base64)" --checksum "$zeros"
wrong 'a bad key' '--public-key: not base64' --binary a --public-key AAAA
wrong 'PID 1' '--pid' --binary a --pid 1
wrong 'an unknown flag' '--frob' --frob
wrong 'a relative command' 'not an absolute path' --binary a \
    --checksum "$zeros" --target "$TARGET" -- ./start
ok 'a target that is not there' \
    exits 111 muster-updater --binary a --checksum "$zeros" --target "$T/none"
done_testing
