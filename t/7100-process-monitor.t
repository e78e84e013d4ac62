#!/bin/sh
# exec, fork and exit are seen with what they are, by each source.
# shellcheck disable=SC2154	# set by module-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/module-lib.sh"
command -v jq >/dev/null || skip_all 'no jq'

# program NAME: a program of its own, so that no other process is like it.
cp /bin/true "$T/probe"
sum=$(sha256sum <"$T/probe")
sha1=$(sha1sum <"$T/probe") md5=$(md5sum <"$T/probe")
sha1=${sha1%% *} md5=${md5%% *}
sum=${sum%% *}

module process-monitor '{"source":"ebpf"}'
if source_is ebpf; then
	"$T/probe" one 'two words' ''
	sh -c 'exit 3' & child=$!
	wait $child
	sh -c 'kill -9 $$' & killed=$!
	wait $killed
	ok 'ebpf: an exec is seen' wait_for seen exec ".exe == \"$T/probe\""
	ok 'with all its arguments' seen exec \
	    ".argv == [\"$T/probe\", \"one\", \"two words\", \"\"]"
	ok 'its user and parent' seen exec \
	    ".exe == \"$T/probe\" and .uid == $(id -u) and .ppid == $$"
	ok 'its hash' seen exec ".sha256 == \"$sum\""
	ok 'those of old lists too' seen exec ".sha1 == \"$sha1\" and
	    .md5 == \"$md5\""
	ok 'its cgroup, and the source' seen exec \
	    ".exe == \"$T/probe\" and .cgroupId > 0 and .source == \"ebpf\""
	ok 'a fork' seen fork ".pid == $child and .ppid == $$"
	ok 'an exit with its code' wait_for seen exit \
	    ".pid == $child and .exitCode == 3"
	ok 'or its signal' wait_for seen exit \
	    ".pid == $killed and .signal == 9"
	(cd "$T" && exec ./probe relative)
	ok 'a relative path is made whole' wait_for seen exec \
	    ".exe == \"$T/probe\" and .argv == [\"./probe\", \"relative\"]"
	# shellcheck disable=SC2046
	"$T/probe" $(seq 1 1000)
	ok 'long arguments are cut, and say so' wait_for seen exec \
	    ".exe == \"$T/probe\" and .argvCut == true"
	deep=$T/$(seq -s / 1 80)
	mkdir -p "$deep"
	cp /bin/true "$deep/probe"
	"$deep/probe" deep
	ok 'so is a path of too many names' wait_for seen exec \
	    '.argv[1] == "deep" and .exeCut == true and
	    (.exe | endswith("/79/80/probe"))'
	i=0
	while [ $i -lt 400 ]; do
		"$T/probe" storm
		i=$((i + 1))
	done
	# Each is an event or counted in a summary; nothing else is like it.
	all() {
		one=$(events exec ".argv[1] == \"storm\"" | wc -l)
		many=$(events summary ".type == \"exec\" and
		    (.key | endswith(\"$T/probe\"))" |
		    jq -s 'map(.count) | add // 0')
		[ $((one + many)) = 400 ]
	}
	ok 'of a storm each one is kept or counted' wait_for all
	ok 'most are counted' test "$one" -lt 300
	ask 1 status
	ok 'nothing was lost' is "$(jq -c 'select(.op == "answer") |
	    .result.lost' "$T/said")" 0
else
	count=$((count + 1))
	echo "ok $count # SKIP no eBPF here: $(sed -n \
	    's/.*"error":"\([^"]*\)".*/\1/p' "$T/said")"
fi
stop

module process-monitor '{"source":"netlink"}'
if source_is netlink; then
	"$T/probe" quick
	sh -c "exec '$T/probe' slow" &
	cp /bin/sleep "$T/sleeper"
	"$T/sleeper" 1 & child=$!
	wait $child
	ok 'netlink: an exec is seen' wait_for seen exec \
	    ".exe == \"$T/sleeper\" and .argv[1] == \"1\""
	ok 'why not eBPF is told' grep -q '"why":"ebpf: not chosen"' "$T/said"
else
	count=$((count + 1))
	echo "ok $count # SKIP no process connector here"
fi
stop

module process-monitor '{"source":"proc"}'
cp /bin/sleep "$T/sleeper3"
"$T/sleeper3" 3 & child=$!
ok 'proc: one that lasts is seen' wait_for seen exec \
    ".exe == \"$T/sleeper3\" and .source == \"proc\""
kill $child
wait $child 2>/dev/null
ok 'and that it has gone' wait_for seen exit ".pid == $child"
stop
ok 'it stops in order' is "$rc" 0
done_testing
