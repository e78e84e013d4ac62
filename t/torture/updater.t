#!/bin/sh
# The update is killed at every single system call, one run each, and finds
# the disk full at every call that writes, likewise; for a new agent that is
# good and for one that is not.  After each the updater is started again: one
# agent works, old or new, and nothing is left over.  Prints the table of cut
# points.
# EVERY=10 takes each tenth call alone; UPDATER_PART=1/2 and UPDATER_PART=2/2
# are the halves, for two of these at a time.
# shellcheck disable=SC2154,SC2034
MUSTER_T_LIMIT=${MUSTER_T_LIMIT:-14400}
export MUSTER_T_LIMIT
. "${0%/*}/../lib.sh"
. "${0%/*}/../updater-cuts.sh"
EVERY=${EVERY:-1}
part=${UPDATER_PART:-1/1}

# all_of TITLE COMMAND FILE VERSION
all_of() {
	cuts=0
	missed=0
	: >"$T/table"
	# By how often a call came: that does not change with what another
	# run has more of some call.
	awk -v e="$EVERY" -v i="${part%/*}" -v n="${part#*/}" \
	    'NR % e == 0 && $2 % n == i % n { print $1, $2 }' \
	    "$3" >"$T/these"
	while read -r call nth <&3; do
		at_point "$1" "$2" "$call" "$nth" "$4"
	done 3<"$T/these"
	echo "# $1, a $4 one: $(wc -l <"$T/these") points," \
	    "$missed of them spared by a run with fewer calls"
	print_table
	ok "$1, a $4 one: one agent each time, nothing left over" \
	    test "$failed" = 0
}

for which in good bad; do
	calls_of $which >"$T/points"
	ok "$which: uncut, one agent"	one_agent
	ok "$which: it has many calls"	test "$(wc -l <"$T/points")" -gt 300
	grep 'disk$' "$T/points" >"$T/writes"
	all_of killed killed_at "$T/points" $which
	all_of 'disk full' full_at "$T/writes" $which
done

done_testing
