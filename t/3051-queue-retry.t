#!/bin/sh
# A build that a crash of the server interrupts is started again, twice at
# most; then it has failed, with the reason, and others go on.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve -j 1
one=$(account one)
id=$(build "$one" hold)
next=$(build "$one" quick)
starts() { [ "$(grep -cx hold "$T/started")" = "$1" ]; }
ok 'a build runs' wait_for starts 1
for n in 2 3; do
	kill_server
	serve -j 1
	ok "after a crash it is started again ($n)" wait_for starts $n
	ok 'and counts it' is "$(status "$one" "$id")$(get .job.attempts)" \
	    "running$n"
done
kill_server
serve -j 1
ok 'after the third it has failed' wait_for has_status "$one" "$id" failed
ok 'with the reason' is "$(get .job.error)" 'interrupted 3 times and given up'
ok 'which why says, too' is "$(api "$one" GET "$J/$id/why")$(get .reason)" \
    '200it has ended, failed: interrupted 3 times and given up'
ok 'it was not started again' starts 3
ok 'the one behind it is built' wait_for has_status "$one" "$next" completed
ok 'each has one end' is "$(api "$one" GET '/api/events?limit=200')$(
    get '[.events[].type | select(test("Completed|Failed"))] | length')" 2002

# A stop is no crash: the build goes back, and this start does not count.
id=$(build "$one" hold)
wait_for starts 4
for n in 5 6 7 8; do
	testbed --stop "$T/srv"
	serve -j 1
	wait_for starts $n || break
done
ok 'after four stops it runs still' is "$(status "$one" "$id")$(
    get .job.attempts)" running1
touch "$T/go"
ok 'and is built' wait_for has_status "$one" "$id" completed

rm "$T/go"
testbed --stop "$T/srv"
serve -j 1 --max-attempts 1
id=$(build "$one" hold)
wait_for starts 9
kill_server
serve -j 1 --max-attempts 1
ok 'with --max-attempts 1 the first crash is the end' \
    wait_for has_status "$one" "$id" failed
done_testing
