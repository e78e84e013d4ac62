#!/bin/sh
# What must not be installed is refused, each with its own word, which the
# server is told; the agent runs on.
# shellcheck disable=SC2015
. "${0%/*}/lib.sh"
. "${0%/*}/updater-cuts.sh"
. "${0%/*}/update-lib.sh"

settings
start_agent
pid=$(holder)
n=0

# refused WORD TITLE FILE VERSION JSON
refused() {
	word=$1 title=$2
	shift 2
	n=$((n + 1))
	# Later in the JSON counts: metadata only grows, but for a lie.
	release "$1" "$2" "\"metadata\": $((10 + n)), $3"
	ask >"$T/ask" 2>&1 || cat "$T/ask"
	ok "$title: reported as $word" told
	ok "$title: the agent runs on" is "$(holder)" "$pid"
}
told() {
	wait_for test -s "$S/report.$n" &&
	    jq -e --arg w "$word" '.state == "failed" and .code == $w and
		.error != "" and .step != ""' "$S/report.$n" ||
	    { cat "$S/report.$n"; return 1; }
}
good=$T/versions/good
other=linux-arm64
[ "$PLATFORM" = linux-x64 ] || other=linux-x64
refused wrong_signature 'a signature of another key' "$good" "$NEW" \
    '"lie": "signature"'
refused expired 'metadata that has expired' "$good" "$NEW" '"lie": "expired"'
refused wrong_target 'another target' "$good" "$NEW" \
    "\"custom\": {\"target\": \"$other\"}"
refused wrong_version 'another version than was offered' "$good" "$NEW" \
    '"offer": "9.9.9"'
refused wrong_channel 'another channel' "$good" "$NEW" \
    '"custom": {"channel": "beta"}'
ok 'nothing was fetched so far'	exits 1 grep -q '/file' "$S/requests"
refused wrong_hash 'a file of another checksum' "$good" "$NEW" '"lie": "hash"'
refused rolled_back 'metadata older than before' "$good" "$NEW" \
    '"lie": "rolled_back"'
refused older_version 'an older version' "$good" 0.0.9 '"lie": ""'
refused no_target 'a version that nobody signed' "$good" "$NEW" \
    '"path": "muster-agent_none"'
refused malformed 'a file that is no agent' /etc/passwd "$NEW" \
    '"format": "tarball"'
refused wrong_signature 'a key that was revoked' "$good" "$NEW" \
    '"lie": "revoked"'
ok 'the old version is installed' cmp "$TARGET" "$T/versions/old"
ok 'and answers'		muster-agent status
ok 'it is IDLE'			says IDLE muster-agent status
done_testing
