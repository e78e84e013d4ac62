#!/bin/sh
# The real agent's update is killed at some of its system calls, and finds
# the disk full at some; the next start leaves one working agent, and nothing
# else.  t/torture/updater.t takes every single call.
# shellcheck disable=SC2154
. "${0%/*}/lib.sh"
. "${0%/*}/updater-cuts.sh"
POINTS=${POINTS:-5}

calls_of good >"$T/points"
ok 'uncut, it ends well'	one_agent
ok 'with the new one'		is "$version" "$NEW"
total=$(wc -l <"$T/points")
ok 'it has many calls'		test "$total" -gt 300

# some TITLE COMMAND FILE: at POINTS of the calls of the file.
some() {
	of=$(wc -l <"$3")
	n=1
	while [ "$n" -le "$POINTS" ]; do
		# shellcheck disable=SC2046
		set -- "$1" "$2" "$3" $(sed -n "$((of * n / (POINTS + 1)))p" "$3")
		at_point "$1" "$2" "$4" "$5" good
		n=$((n + 1))
	done
}

some 'killed' killed_at "$T/points"
grep 'disk$' "$T/points" >"$T/writes"
ok 'it writes'			test -s "$T/writes"
some 'disk full' full_at "$T/writes"
print_table
ok 'most of them were reached'	test "$missed" -lt "$POINTS"
ok 'each cut left one agent, and nothing else' test "$failed" = 0
done_testing
