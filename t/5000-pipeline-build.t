#!/bin/sh
# A job directory becomes a signed package with the stamped agent in it.
# shellcheck disable=SC2154	# set by pipeline-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/pipeline-lib.sh"

sample_agent "$T/probe" || skip_all 'no static C compiler'
sample_source
signer
new_job "$T/job" my.agent
ok 'the pipeline succeeds' build "$T/job"
version=$(sed -n 's/.*MUSTER_VERSION[^"]*"\(.*\)"/\1/p' "$T/src/common/settings.h")
file=$T/job/my.agent-$version-linux-x64.tar.gz
ok 'it leaves the package' test -s "$file"
ok 'and names it' is "$(result "$T/job" fileName)" "${file##*/}"
sum=$(sha256sum <"$file")
ok 'with its checksum' is "$(result "$T/job" checksum)" "${sum%% *}"
ok 'its size' is "$(result "$T/job" size)" "$(stat -c %s "$file")"
ok 'its key' is "$(result "$T/job" publicKey)" "$public_key"
ok 'and its signature' muster-sign --verify -k "$public_key" \
	-s "$(result "$T/job" signature)" --checksum "${sum%% *}" "$file"
ok 'it is not unsigned' is "$(result "$T/job" unsigned)" false
ok 'the agent has been tested' is "$(result "$T/job" selfTest)" passed
ok 'the template was compiled' is "$(result "$T/job" templateCached)" false
if command -v jq >/dev/null; then
	sed -n 's/^::result //p' "$T/job/out" >"$T/result.json"
	ok 'the result is JSON' jq -e .file "$T/result.json"
fi

sed -n 's/^::step //p' "$T/job/out" | tr '\n' ' ' >"$T/steps"
ok 'the steps are told in their order' is "$(cat "$T/steps")" \
	'configuration template stamp self-test package sign checksum '
ok 'with progress to the end' is \
	"$(sed -n 's/^::progress //p' "$T/job/out" | sed -n '$p')" 100
ok 'nothing else is on standard output but its log' exits 1 \
	grep -q '^::[^spr]' "$T/job/out"

mkdir "$T/un"
tar -xzf "$file" -C "$T/un"
un=$T/un/my.agent-$version-linux-x64
ok 'it unpacks into one directory' is "$(ls "$T/un")" "${un##*/}"
ls "$un" >"$T/names"
ok 'with all its files' is "$(tr '\n' ' ' <"$T/names")" "BUILD README \
SHA256SUMS install.sh muster-agent muster-agent.init muster-agent.service \
muster-updater uninstall.sh "
sums_right() { (cd "$un" && sha256sum -c SHA256SUMS) }
ok 'which have the right sums' sums_right
ok 'every one of them' is "$(wc -l <"$un/SHA256SUMS")" \
	"$(($(wc -l <"$T/names") - 1))"
muster-stamp --read -k "$public_key" "$un/muster-agent" >"$T/back.json"
ok 'the configuration is in it, signed' cmp "$T/job/config.json" "$T/back.json"
for program in muster-agent muster-updater install.sh uninstall.sh \
    muster-agent.init; do
	ok "$program can be executed" test -x "$un/$program"
done
ok 'files belong to root and have the epoch' is "$(tar -tvzf "$file" \
	--numeric-owner --full-time --utc |
	grep -vc ' 0/0 .* 1980-01-01 00:00:00 ')" 0
ok 'what was built is written down' grep -qx \
	'capabilities fs-monitor,telemetry' "$un/BUILD"

# The same source and configuration, another directory, another time.
new_job "$T/job2" my.agent
build "$T/job2"
ok 'a second build gives the same bytes' cmp "$file" "$T/job2/${file##*/}"
ok 'out of the cache' is "$(result "$T/job2" templateCached)" true
new_job "$T/job3" my.agent
SOURCE_DATE_EPOCH=1700000000 build "$T/job3"
tar -tvzf "$T/job3/${file##*/}" --utc >"$T/times"
ok 'SOURCE_DATE_EPOCH sets the times' is \
	"$(grep -vc ' 2023-11-14 22:13 ' "$T/times")" 0
done_testing
