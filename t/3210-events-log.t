#!/bin/sh
# The log of a build as server-sent events: while it runs, to its end, from
# any line on, and for nobody else.
# shellcheck disable=SC2154 # set by events-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/events-lib.sh"

steered_server
has() { grep -q "$1" "$2"; }

id=$(submit "$one")
follow "$one" "$T/log" "$J/$id/log"
first=$follower
ok 'lines come while the build runs' wait_for has 'line two' "$T/log"
ok 'which is not done' status_is "$one" "$id" running
ok 'and has no end yet' exits 1 has 'event: end' "$T/log"
follow "$admin" "$T/admin" "$J/$id/log"
ok 'an administrator follows as well' wait_for has 'line two' "$T/admin"
ok 'another user does not' is \
    "$(code "$two" "$J/$id/log" -H 'Accept: text/event-stream')" 404
cp "$T/body" "$T/foreign"
ok 'and hears what is said of what is not there' is "$(code "$two" \
    "$J/00000000-0000-4000-8000-000000000000/log" \
    -H 'Accept: text/event-stream'; cmp "$T/body" "$T/foreign")" 404
touch "$T/go"
ok 'the stream ends by itself' exits 0 wait "$first"
ok 'with the last line' has 'line three' "$T/log"
ok 'and the status, and the next line' is \
    "$(grep -A 1 '^event: end' "$T/log" | sed -n 's/^data: //p' |
    jq -c '[.status, .next]')" "[\"completed\",3]"
ok 'lines are numbered from 0' is "$(ids "$T/log")" '0 1 2 '
ok 'a line says when, by what step, on which stream' jq -e \
    '.t > 1e12 and .step == "first" and .err == 1 and .text == "line two"' \
    "$(grep -A 1 '^id: 1$' "$T/log" | sed -n 's/^data: //p' >"$T/line"
    echo "$T/line")"

follow "$one" "$T/from" "$J/$id/log?from=2"
ok 'from a line on' exits 0 wait "$follower"
ok 'only what follows' is "$(ids "$T/from")" '2 '
follow "$one" "$T/back" "$J/$id/log" -H 'Last-Event-ID: 0'
ok 'a client that comes back' exits 0 wait "$follower"
ok 'gets the rest' is "$(ids "$T/back")" '1 2 '
follow "$one" "$T/past" "$J/$id/log?from=99"
ok 'behind the last line' exits 0 wait "$follower"
ok 'is the end alone' is "$(types "$T/past")$(ids "$T/past")" 'end '
ok 'a line that is none' is "$(code "$one" "$J/$id/log?from=x" \
    -H 'Accept: text/event-stream')" 400
ok 'a page is JSON still' is \
    "$(get "$one" "$J/$id/log?from=1" | jq -c '[.lines[].text]')" \
    '["line two","line three"]'

# One that fails, one that waits, one that is cancelled while it runs.
rm "$T/go"
touch "$T/fail"
id=$(submit "$one")
follow "$one" "$T/fail.log" "$J/$id/log"
broken=$follower
touch "$T/go"
ok 'a failed build ends its log' exits 0 wait "$broken"
ok 'and says why' is "$(grep -A 1 '^event: end' "$T/fail.log" |
    sed -n 's/^data: //p' | jq -c '[.status, .error]')" \
    '["failed","second: it broke"]'
rm "$T/go" "$T/fail"
submit "$one" a >"$T/.id"
submit "$one" b >"$T/.id"
id=$(submit "$one" c)
follow "$one" "$T/pending.log" "$J/$id/log"
pending=$follower
ok 'one that waits has no line' is "$(ids "$T/pending.log")" ''
ok 'it is cancelled' is "$(code "$one" -X POST "$J/$id/cancel")" 200
ok 'which ends its log' exits 0 wait "$pending"
ok 'with that status' has '"cancelled"' "$T/pending.log"
id=$(get "$one" "$J?status=running" | jq -r '.jobs[0].id')
follow "$one" "$T/cancel.log" "$J/$id/log"
running=$follower
wait_for has 'line two' "$T/cancel.log"
ok 'one that runs is cancelled' is "$(code "$one" -X POST "$J/$id/cancel")" 200
ok 'and its log ends' exits 0 wait "$running"
ok 'so, too' has '"cancelled"' "$T/cancel.log"

# A reader that does not read holds up nobody, and memory is not its buffer.
cat >"$T/scripts/muster-pipeline" <<-END
	#!/bin/sh
	cd "\$MUSTER_JOB_DIR" || exit 1
	echo '::step flood'
	yes "\$(printf '%01000d' 7)" | head -n 4000
	until [ -e "$T/go2" ]; do sleep 0.02; done
	echo done >artifact
	echo '::result {"file":"artifact","fileName":"artifact"}'
END
for id in $(get "$one" "$J?status=running" | jq -r '.jobs[].id'); do
	code "$one" -X POST "$J/$id/cancel" >"$T/.code"
done
id=$(submit "$one" flood)
mkfifo "$T/slow"
perl -e 'sleep 60' <"$T/slow" & holder=$!
curl -sN -m 120 -H "Authorization: Bearer $one" \
    -H 'Accept: text/event-stream' "$J/$id/log" >"$T/slow" & slow=$!
at_end "kill $holder $slow 2>/dev/null"
follow "$one" "$T/flood.log" "$J/$id/log"
flood=$follower
lines() { [ "$(grep -c '^id: ' "$T/flood.log")" -ge "$1" ]; }
ok 'four megabytes come to who reads' wait_for lines 3500
touch "$T/go2"
ok 'and the end' exits 0 wait "$flood"
ok 'each line once' is "$(sed -n 's/^id: //p' "$T/flood.log" | sort -nu |
    wc -l)" "$(grep -c '^id: ' "$T/flood.log")"
kill "$holder"
done_testing
