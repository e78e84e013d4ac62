#!/bin/sh
# The record: what --status prints, stale ones, and the heartbeat.
# shellcheck disable=SC2016 # scripts for other shells
. "${0%/*}/lib.sh"

# field NAME: of the status of $T/l
field() {
	muster-lock --status "$T/l" | sed -n "s/^$1	//p"
}
field_differs() { [ "$(field "$1")" != "$2" ]; }

ok 'no file is free'		exits 1 muster-lock --status "$T/l"
ok 'and is not made'		test ! -e "$T/l"
muster-lock -b --heartbeat-interval 100ms "$T/l" sh -c ': >"$0/up"
until [ -e "$0/go" ]; do sleep 0.02; done' "$T" & holder=$!
at_end "kill $holder 2>/dev/null"
wait_for test -e "$T/up"
ok 'held: 0'			exits 0 muster-lock --status "$T/l"
ok 'held'			is "$(field state)" held
ok 'by this process'		is "$(field pid)" "$holder"
ok 'which is alive'		is "$(field alive)" yes
ok 'this boot'			is "$(field boot)" \
    "$(cat /proc/sys/kernel/random/boot_id)"
# shellcheck disable=SC2046,SC2010
ok 'its start'			is "$(field start)" \
    "$(sed 's/.*) //' "/proc/$holder/stat" | cut -d' ' -f20)"
ok 'a time'			expr "$(field since)" : \
    '20[0-9-]*T[0-9:]*\.[0-9]*Z$'
ok 'the record is private'	is "$(stat -c %a "$T/l")" 600
beat=$(field beat)
since=$(field since)
ok 'the heartbeat goes on'	wait_for field_differs beat "$beat"
ok 'the beginning stays'	is "$(field since)" "$since"
: >"$T/go"
wait "$holder"
ok 'free'			is "$(field state)" free
ok 'free: 1'			exits 1 muster-lock --status "$T/l"

muster-lock -o "$T/l" sleep 60 & holder=$!
wait_for test -s "$T/l"
child=$(cat "/proc/$holder/task/$holder/children")
at_end "kill $child 2>/dev/null"
kill -9 "$holder"
wait "$holder" 2>/dev/null
ok 'a killed holder leaves a stale record'	is "$(field state)" stale
ok 'of a process that is gone'	is "$(field alive)" no
ok 'stale: 1'			exits 1 muster-lock --status "$T/l"
ok 'it never blocks'		muster-lock -n "$T/l" true
printf 'pid\t1\nstart\t1\nboot\tx\n' >"$T/l"
ok 'nor does a made-up one'	muster-lock -n --steal-stale "$T/l" true
printf 'pid\t1\nstart\t1\nboot\tx\n' >"$T/l"
ok '--steal-stale alone'	muster-lock --steal-stale "$T/l"
ok 'clears the record'		is "$(field state)" free
muster-lock "$T/l" sleep 60 & holder=$!
at_end "kill $holder 2>/dev/null"
wait_for test -s "$T/l"
ok 'but robs nobody'		exits 1 muster-lock --steal-stale "$T/l"
ok 'who is still there'		is "$(field pid)" "$holder"
kill "$holder"
wait "$holder" 2>/dev/null
head -c 100000 /dev/urandom >"$T/l"
ok 'nonsense is free'		is "$(field state)" free
done_testing
