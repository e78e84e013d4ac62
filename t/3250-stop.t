#!/bin/sh
# The end: running builds complete within --stop-grace, or go back to the
# queue; who listens or waits is told.
# shellcheck disable=SC2154,SC2086,SC2016 # set by events-lib.sh; words; perl
. "${0%/*}/lib.sh"
. "${0%/*}/events-lib.sh"

command -v curl >/dev/null || skip_all 'no curl'
steered_pipeline
has() { grep -q "$1" "$2"; }
# start [ARG...]: the server; $pid is its process.
start() {
	# shellcheck disable=SC2086
	server "$T/srv" $steered --server-arg -j --server-arg 1 "$@"
	read -r pid <"$T/srv/buildsrv.pid"
}
# ended: the server, by itself.
ended() {
	wait_for test ! -e "/proc/$pid/cwd" && rm -f "$T/srv/buildsrv.pid"
}
start --server-arg --stop-grace --server-arg 60s
one=$(muster account add one)

id=$(submit "$one" runs)
wait_for status_is "$one" "$id" running
next=$(submit "$one" waits)
follow "$one" "$T/stream" "$S/api/events"
stream=$follower
follow "$one" "$T/log" "$J/$id/log"
log=$follower
wait_for has 'line two' "$T/log"
kill "$pid"
ok 'a build that runs may complete' wait_for has 'stopping builds=1' \
    "$T/srv/buildsrv.log"
ok 'the API answers meanwhile' is "$(curl -s "$S/healthz" | jq -r .status)" ok
late=$(submit "$one" late)
ok 'and takes builds' status_is "$one" "$late" pending
touch "$T/go"
ok 'then the server ends' ended
ok 'the stream told of the build' has Completed "$T/stream"
ok 'and ended well' exits 0 wait "$stream"
ok 'so did its log' exits 0 wait "$log"
ok 'with the status' has '"completed"' "$T/log"
ok 'the server says that it stopped' has ': stopped$' "$T/srv/buildsrv.log"
rm "$T/go"
start
ok 'the build is complete' status_is "$one" "$id" completed
ok 'the next one runs' wait_for status_is "$one" "$next" running

# Without patience: back to the queue, as if it had not begun.
follow "$one" "$T/log" "$J/$next/log"
curl -s -o "$T/wait" -D "$T/head" -H "Authorization: Bearer $one" \
    -H 'Content-Type: application/json' \
    -d '{"os":"linux","architecture":"x64","useQueue":false}' \
    "$S/api/agents/build" & waiter=$!
all() { [ "$(get "$one" "$J?status=pending" | jq '.jobs|length')" = "$1" ]; }
wait_for all 2
kill "$pid"
ok 'without a grace it ends at once' ended
ok 'who waits for a build is told' exits 0 wait "$waiter"
ok 'to come back' grep -qi '^retry-after' "$T/head"
ok 'and for what' is "$(head -n 1 "$T/head" | cut -d ' ' -f 2) $(jq -r \
    '.error | test("job [0-9a-f-]{36} goes on")' "$T/wait")" '503 true'
start --server-arg --stop-grace --server-arg 500ms
ok 'the build that was handed back runs again' wait_for status_is "$one" \
    "$next" running
ok 'as its first start' is "$(get "$one" "$J/$next" | jq .job.attempts)" 1

# Patience that runs out.
kill "$pid"
ok 'a grace that runs out ends it' ended
ok 'in words' has '1 builds are not done' "$T/srv/buildsrv.log"
start --server-arg --stop-grace --server-arg 60s
wait_for status_is "$one" "$next" running
kill "$pid"
wait_for has 'stopping builds=1' "$T/srv/buildsrv.log"
kill "$pid"
ok 'a second signal ends the patience' ended
start
touch "$T/go"
ok 'nothing was lost' wait_for all 0
done_() { [ "$(get "$one" "$J?status=completed" | jq '.jobs|length')" = 4 ]; }
ok 'all complete' wait_for done_
ok 'each of them once' is "$(get "$one" "$S/api/events?after=0" | jq -r \
    '.events[] | select(.type == "buildJobCompleted") | .job.id' | sort |
    uniq -d)" ''
done_testing
