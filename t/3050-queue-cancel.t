#!/bin/sh
# A cancel takes what waits out of the line, and ends what runs with all its
# processes within a second, also those that left their group and session.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve -j 1
one=$(account one)
two=$(account two)
cancel() { api "$1" POST "$J/$2/cancel"; }

id=$(build "$one" forks)
all_there() { [ "$(wc -l <"$T/pids")" = 7 ]; }
ok 'a build runs, with seven processes' wait_for all_there
waiting=$(build "$one" quick)
ok 'another waits behind it' is "$(status "$one" "$waiting")" pending

ms() { date +%s%3N; }
all_gone() {
	while read -r p; do
		gone "$p" || return 1
	done <"$T/pids"
}
# Until all have gone, or a second has passed.
gone_in_a_second() {
	until all_gone; do
		[ $(($(ms) - began)) -lt 1000 ] || {
			while read -r p; do
				ps -o pid,ppid,args -p "$p"
			done <"$T/pids"
			return 1
		}
		sleep 0.01
	done
	echo "$(($(ms) - began)) ms"
}
ok "another user cannot cancel it" is "$(cancel "$two" "$id")" 404
ok 'and it goes on' is "$(status "$one" "$id")" running
began=$(ms)
ok 'the owner can' is "$(cancel "$one" "$id")" 200
ok 'the answer says what happens' is "$(get .message)" \
    'Build job is being stopped'
ok 'all processes are gone within a second' gone_in_a_second
ok 'it is cancelled' wait_for has_status "$one" "$id" cancelled
ok 'and has no download' is "$(status "$one" "$id")$(get .job.downloadUrl)" \
    cancellednull
ok 'the next one runs' wait_for has_status "$one" "$waiting" completed
ok 'a second cancel comes too late' is "$(cancel "$one" "$id")" 409
ok 'as for what is built' is "$(cancel "$one" "$waiting")" 409
tidy() { [ -z "$(find "$T/srv/state/work" -mindepth 1)" ]; }
ok 'nothing is left in the work directory' wait_for tidy

blocks=$(build "$one" hold)
wait_for started hold
id=$(build "$one" never)
ok 'one that waits is cancelled at once' is "$(cancel "$one" "$id")$(
    get .job.status)" 200cancelled
ok 'an administrator may, too' is "$(cancel "$MUSTER_API_KEY" "$blocks")" 200
wait_for has_status "$one" "$blocks" cancelled
last=$(build "$one" last)
wait_for has_status "$one" "$last" completed
ok 'it never started' exits 1 started never

# The same when the server stops, and when it is killed.
rm -f "$T/pids"
id=$(build "$one" forks)
wait_for all_there
kill_server
began=$(ms)
ok 'a killed server leaves no process' gone_in_a_second
rm -f "$T/pids"
serve -j 1
wait_for all_there
ok 'and the build runs again' is "$(status "$one" "$id")" running
testbed --stop "$T/srv"
began=$(ms)
ok 'a stopped one leaves none either' gone_in_a_second
done_testing
