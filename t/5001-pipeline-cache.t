#!/bin/sh
# A template is compiled once for a source, a target and a set of
# capabilities, by content, and not trusted when it has been changed.
. "${0%/*}/lib.sh"
. "${0%/*}/pipeline-lib.sh"

sample_agent "$T/probe" || skip_all 'no static C compiler'
sample_source
MUSTER_UNSIGNED=1
export MUSTER_UNSIGNED

# Three at once, none of which finds a template.
for i in 1 2 3; do
	new_job "$T/job$i"
	build "$T/job$i" >"$T/log$i" 2>&1 &
	eval "pid$i=$!"
done
# shellcheck disable=SC2154
for pid in $pid1 $pid2 $pid3; do
	ok 'a build among others succeeds' wait "$pid"
done
ok 'and one compiled for all' is "$(compiled)" 1
ok 'to the same package' cmp "$T"/job1/*.tar.gz "$T"/job3/*.tar.gz

new_job "$T/other"
sed 's/^MUSTER_CAPS=.*/MUSTER_CAPS=telemetry/' "$T/other/job.env" >"$T/env"
mv "$T/env" "$T/other/job.env"
ok 'other capabilities' build "$T/other"
ok 'are compiled' is "$(compiled)" 2
before=$(muster-source-hash "$T/src")
echo '/* changed */' >>"$T/src/agent/sample-template.c"
ok 'another source has another hash' exits 1 \
	test "$(muster-source-hash "$T/src")" = "$before"
ok 'and' build "$T/other"
ok 'is compiled' is "$(compiled)" 3
ok 'again' build "$T/other"
ok 'is not' is "$(compiled)" 3
touch "$T/src/.hidden" "$T/src/agent/.swp"
MUSTER_SOURCE_HASH=$(muster-source-hash "$T/src")
export MUSTER_SOURCE_HASH
ok 'hidden files do not count, and a given hash serves' build "$T/other"
ok 'as well' is "$(compiled)" 3

# Damage in the cache.
read -r key rest <"$T/other/template"
touch -d '40 days ago' "$T/cache/$key"
ok 'a template of long ago serves' build "$T/other"
ok 'and is marked as used' is \
	"$(find "$T/cache/$key" -maxdepth 0 -mtime -1)" "$T/cache/$key"
printf x >>"$T/cache/$key/muster-agent"
ok 'a damaged template is noticed' build "$T/other"
ok 'compiled anew' is "$(compiled)" 4
ok 'and said so' grep -q 'is damaged' "$T/other/out"
printf x >>"$T/cache/$key/muster-updater"
ok 'so is a damaged updater' build "$T/other"
ok 'and compiled anew' is "$(compiled)" 5
ok 'the build after it finds it whole' build "$T/other"
ok 'in the cache' is "$(compiled)" 5

# A compiler that fails leaves nothing that the next could take for whole.
unset MUSTER_SOURCE_HASH
echo 'not C' >>"$T/src/agent/sample-template.c"
ok 'what does not compile fails the build' exits 1 \
	muster-pipeline -d "$T/other"
ok 'and leaves no template' is \
	"$(find "$T/cache" -name '*.new' -o -name muster-agent | wc -l)" 3
done_testing
