#!/bin/sh
# Changes of files are seen with who made them, and against a baseline.
# shellcheck disable=SC2154	# set by module-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/module-lib.sh"
command -v jq >/dev/null || skip_all 'no jq'

mkdir "$T/w" "$T/w/d" "$T/other"
echo one >"$T/w/keep"
echo two >"$T/w/d/go"
for source in fanotify inotify; do
	module fs-monitor "{\"paths\":[\"$T/w\"],\"source\":\"$source\"}"
	if ! source_is $source; then
		count=$((count + 1))
		echo "ok $count # SKIP no $source here"
		stop
		continue
	fi
	f=$T/w/$source
	echo x >"$f"
	ok "$source: a creation" wait_for seen file \
	    ".path == \"$f\" and (.actions | index(\"create\"))"
	ok 'a change' wait_for seen file \
	    ".path == \"$f\" and (.actions | index(\"modify\"))"
	ok 'with the new hash' seen file ".path == \"$f\" and
	    .sha256 == \"$(sha256sum <"$f" | cut -d ' ' -f 1)\""
	chmod 600 "$f"
	ok 'a change of mode' wait_for seen file \
	    ".path == \"$f\" and (.actions | index(\"attrib\")) and
	    .mode == \"0600\""
	mv "$f" "$f.new"
	ok 'a move' wait_for seen file \
	    ".path == \"$f\" and (.actions | index(\"move\"))"
	mkdir -p "$T/w/$source.d/e"
	echo y >"$T/w/$source.d/e/deep"
	ok 'a file in a new directory' wait_for seen file \
	    ".path == \"$T/w/$source.d/e/deep\""
	rm "$f.new"
	ok 'a deletion' wait_for seen file \
	    ".path == \"$f.new\" and (.actions | index(\"delete\"))"
	echo z >"$T/other/$source"
	rm -r "$T/w/$source.d"
	wait_for seen file ".path == \"$T/w/$source.d\" and
	    (.actions | index(\"delete\"))"
	ok 'nothing from elsewhere' exits 1 seen file \
	    ".path | startswith(\"$T/other\")"
	if [ $source = fanotify ]; then
		ok 'with who did it' seen file ".path == \"$f\" and
		    .pid == $$ and .uid == $(id -u)"
		ok 'and whereto' seen file ".to == \"$f.new\""
	else
		ok 'that it does not know who is told' seen file \
		    ".who == \"not told by this source\""
	fi
	stop
done

module fs-monitor "{\"paths\":[\"$T/w\"]}"
ask 1 verify
ok 'without a baseline there is nothing to verify' grep -q \
    'there is no baseline' "$T/said"
ask 2 baseline
result() { jq -c "select(.id == $1 and .done) | .result.$2" "$T/said"; }
ok 'a baseline is made of all' is "$(result 2 files)" 4
ask 3 verify
ok 'nothing has changed' is "$(result 3 'added + .result.changed +
    .result.removed')" 0
# Many files, so that it takes long: it is cancelled on the way.
mkdir "$T/w/many"
(cd "$T/w/many" && seq 20000 | xargs touch)
before=$(cksum <"$T/said.d/fs-baseline")
printf '%s\n' '{"op":"command","id":9,"verb":"baseline","args":{}}' \
    '{"op":"cancel","id":9}' >&5
cancelled() { jq -e 'select(.id == 9 and .done) | .error == "cancelled"' \
    "$T/said"; }
ok 'one that nobody waits for ends' wait_for cancelled
ok 'and the old one stays' is "$(cksum <"$T/said.d/fs-baseline")" "$before"
ok 'nothing of it is left' test ! -e \
    "$T/said.d/fs-baseline.new"
rm -r "$T/w/many"
echo changed >"$T/w/keep"
rm "$T/w/d/go"
touch "$T/w/new"
ask 4 verify
ok 'a change is found' is "$(result 4 changed)" 1
ok 'an addition' is "$(result 4 added)" 1
ok 'a removal' is "$(result 4 removed)" 1
ok 'each is an alert' is "$(jq -c 'select(.class == 3)' "$T/said" |
    wc -l)" 3
ok 'with its path' seen integrity ".path == \"$T/w/keep\" and
    .what == \"changed\""
echo again >"$T/w/keep"
ok 'a change knows what it should be' wait_for seen file \
    ".baselineSha256 == \"$(echo one | sha256sum | cut -d ' ' -f 1)\""
stop
ok 'it stops in order' is "$rc" 0

module fs-monitor '{"paths":"no list"}'
stop
ok 'a bad configuration is refused for good' is "$rc" 100
ok 'and named' grep -q 'paths: must be a list' "$T/said"
done_testing
