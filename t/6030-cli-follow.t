#!/bin/sh
# Streams of events: no event is missed and none comes twice, whatever becomes
# of the connection; a silent server is given up; one without streams is asked.
. "${0%/*}/lib.sh"
command -v node >/dev/null || skip_all 'no node'

. "${0%/*}/cli-lib.sh"

# follow N COMMAND...: until N lines are there; they are in $T/out.
follow() {
	want=$1
	shift
	: >"$T/out"
	"$@" >"$T/out" 2>"$T/err" &
	follower=$!
	wait_for has_lines "$want" "$T/out"
	found=$?
	kill "$follower" 2>/dev/null
	wait "$follower" 2>/dev/null
	cat "$T/out" "$T/err"
	return "$found"
}
has_lines() { [ "$(wc -l <"$2")" -ge "$1" ]; }
numbers() { cut -f 1 "$T/out" | tr '\n' ' '; }
id=00000000-0000-4000-8000-000000000001
export MUSTER_API_KEY=x

serve sse-cut
ok 'a cut stream is gone on with' follow 4 muster events -f
ok 'each event came once, in order' is "$(numbers)" '1 2 3 4 '
ok 'a half event was asked for again' grep -q 'GET /api/events 2 ' "$T/log"
ok 'and the loss was told' grep -q 'connecting anew' "$T/err"
ok 'an event is a line of seven values' is \
    "$(head -n 1 "$T/out" | tr '\t' '|')" \
    "1|2023-11-14T22:13:20.000Z|buildJobAdded|$id|pending|x|u"
serve sse-cut
ok 'the same as lines of JSON' follow 4 muster events -f --json
ok 'each of which is the event' is "$(jq -c '[.seq, .job.id]' "$T/out" |
    head -n 1)" "[1,\"$id\"]"
serve sse-silent
ok 'a server that falls silent is left' follow 3 \
    muster events -f --silence 300ms
ok 'and asked for what comes next' grep -q 'GET /api/events 2 ' "$T/log"
serve sse-alive
ok 'keep-alives keep a quiet stream' follow 2 \
    muster events -f --silence 500ms
ok 'on one connection' is "$(wc -l <"$T/log")" 1
serve sse-gap
ok 'a gap is told' follow 1 muster events -f --after 1
ok 'as words' grep -q 'no longer kept' "$T/err"
serve sse-huge
ok 'an event without an end is no event: 111' exits 111 \
    timeout 20 muster events -f
serve sse-refused
ok 'a refusal ends it, with words' says 'API key' \
    timeout 20 muster events -f
ok 'and its code' exits 100 timeout 20 muster events -f
serve silent
ok 'a server that never answers: 99' exits 99 \
    timeout 20 muster events -f --silence 300ms
ok 'in every command' exits 99 timeout 20 muster jobs --silence 300ms
ok 'the environment says it as well' exits 99 \
    env MUSTER_SILENCE=300ms timeout 20 muster version
serve pages
ok 'a server without streams is asked again and again' \
    follow 3 muster events -f --after 2
ok 'with the same result' is "$(numbers)" '3 4 5 '

serve log-cut
ok 'a log is followed to its end' timeout 20 muster logs -f "$id"
serve log-cut
timeout 20 muster logs -f "$id" >"$T/out" 2>/dev/null
ok 'each line came once, over a cut' is "$(cut -f 3 "$T/out" | tr '\n' ' ')" \
    'line 0 line 1 line 2 '
serve log-pages
timeout 20 muster logs -f "$id" >"$T/out"
ok 'or asked for where there is no stream' is \
    "$(cut -f 3 "$T/out" | tr '\n' ' ')" 'line 0 line 1 line 2 '

serve sse-cut
head_of_stream() {
	# The reader takes one line and leaves.
	{ timeout 20 muster events -f 2>/dev/null; echo $? >"$T/rc"; } |
	    head -n 1 >"$T/out"
}
head_of_stream
ok 'it ends when its reader does, as by SIGPIPE' is "$(cat "$T/rc")" 141
ok 'who got the line' is "$(numbers)" '1 '
done_testing
