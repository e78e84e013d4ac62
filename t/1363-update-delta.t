#!/bin/sh
# An agent that has the old file takes a patch, also when a configuration is
# stamped into it, which goes over to the new one; a patch that is damaged or
# for another file costs nothing but the whole download.
. "${0%/*}/lib.sh"
. "${0%/*}/updater-cuts.sh"
. "${0%/*}/update-lib.sh"
command -v zstd >/dev/null || skip_all 'zstd is not installed'

settings
zstd -q -19 --long=27 --patch-from="$T/versions/old" "$T/versions/good" \
    -o "$T/patch"
part=$(wc -c <"$T/patch")
ok 'the patch is small'	test $((part * 10)) -lt "$(wc -c <"$T/versions/good")"
jq -n '{name: "stamped-name"}' >"$T/stamp.json"
muster-stamp -c "$T/stamp.json" "$T/versions/old" "$T/stamped"

# fetched WHAT: how often the server was asked for it.
fetched() { grep -c "^GET /$1 " "$S/requests"; }

release "$T/versions/good" "$NEW" \
    "\"patch\": \"$T/patch\", \"from\": \"$(sha256sum "$T/versions/old" |
	sed 's/ .*//')\""
start_agent "$T/stamped"
ok 'the command'		says accepted ask
ok 'the new one runs'		wait_for runs "$NEW"
ok 'made by the patch'		is "$(fetched patch)" 1
ok 'and nothing else'		is "$(fetched file)" 0
muster-stamp --read "$TARGET" >"$T/read.json"
ok 'the configuration went over' cmp "$T/read.json" "$T/stamp.json"
ok 'and is used'		says stamped-name muster-agent status

head -c $((part - 100)) "$T/patch" >"$T/short"
release "$T/versions/good" "$NEW" \
    "\"patch\": \"$T/short\", \"from\": \"$(sha256sum "$T/versions/old" |
	sed 's/ .*//')\""
start_agent
ok 'a patch cut short'		says accepted ask
ok 'the new one runs all the same' wait_for runs "$NEW"
ok 'the patch was tried'	is "$(fetched patch)" 1
ok 'then the whole taken'	is "$(fetched file)" 1

release "$T/versions/good" "$NEW" \
    "\"patch\": \"$T/patch\", \"from\": \"$(sha256sum "$T/patch" |
	sed 's/ .*//')\""
start_agent
ok 'a patch for another file'	says accepted ask
ok 'is not even fetched'	wait_for runs "$NEW"
ok 'but the whole'		is "$(fetched patch; fetched file)" "0
1"
done_testing
