#!/bin/sh
# What an agent reports is acknowledged when it is on the disk, and is there
# once and in order: whatever is sent again, and through kill -9 of the server.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/gateway-lib.sh"
command -v curl >/dev/null || skip_all 'no curl'

gateway_start
link one
uid=$(uid_of one)

# batch FROM TO [SPOOL]: as the agent sends it.
batch() {
	jq -nc --argjson from "$1" --argjson to "$2" --arg spool "${3:-s1}" \
	    '["agent.events", {from: $from, spool: $spool, events:
	    [range($from; $to + 1) | {class: "event", module: "m",
	    type: "made", t: 1700000000000, data: {i: .}}]}]'
}
answered() {
	n=$(grep -c '^answer' "$T/one.out")
	tell one "$1"
	wait_for said one '^answer' $((n + 1))
	tail -n 1 "$T/one.out" | sed 's/^answer //'
}
stored() {
	muster api --server "$S" "/api/agents/$uid/events?last=200" |
	    jq -c "[.events[].data.i]"
}

ok 'a batch is acknowledged' is "$(answered "$(batch 1 3)")" \
    '{"ack":3,"refused":0}'
ok 'it is there' is "$(stored)" '[1,2,3]'
ok 'sent again it is acknowledged again' is "$(answered "$(batch 1 3)" |
    jq .ack)" 3
ok 'an overlapping one, too' is "$(answered "$(batch 2 5)" | jq .ack)" 5
ok 'each is there once, in order' is "$(stored)" '[1,2,3,4,5]'
kill_server
unlink_agents
serve --open-registration
A=$MUSTER_API_KEY
link one
ok 'after kill -9 of the server, too' is "$(answered "$(batch 4 7)" |
    jq .ack)$(stored)" '7[1,2,3,4,5,6,7]'
ok 'with gaps: what the agent lost' is "$(answered '["agent.events",{"from":10,
    "spool":"s1","events":[{"type":"a","t":1,"data":{"i":10}},
    {"seq":15,"type":"a","t":1,"data":{"i":15}}]}]' | jq .ack)" 15
ok 'a new spool counts anew' is "$(answered "$(batch 1 1 s2)" | jq .ack)$(
    stored)" '1[1,2,3,4,5,6,7,10,15,1]'
ok 'what is not of the form is passed over' is "$(answered '["agent.events",
    {"from":2,"spool":"s2","events":[{"type":"","t":1},
    {"class":"alert","type":"a","t":2,"data":{"i":3}}]}]' | tr -d ' ')" \
    '{"ack":3,"refused":1}'
ok 'a batch that is none is refused' is "$(answered '["agent.events",
    {"events":[]}]' | jq -r .code)" bad_message
ok 'metrics among them are the newest' is "$(answered '["agent.events",
    {"from":4,"spool":"s2","events":[{"class":"metric","type":"metrics","t":3,
    "data":{"cpuPercent":12.5}}]}]' | jq .ack)$(muster agents --json |
    jq '.[0].metrics.cpuPercent')" 412.5

# Pages and streams.
path=/api/agents/$uid/events
ok 'a page' is "$(api "$A" GET "$path?after=2&limit=2")$(
    jq -c '[[.events[].n], .next, .gap]' "$T/body")" '200[[3,4],4,false]'
ok 'the newest' is "$(api "$A" GET "$path?last=1")$(jq -c \
    '[.events[] | [.n, .seq, .class, .t, .at > 1700000000000]]' "$T/body")" \
    '200[[12,4,"metric",3,true]]'
ok 'behind the end' is "$(api "$A" GET "$path?after=99")$(jq -c \
    '[.events, .next]' "$T/body")" '200[[],12]'
curl -sN -H "Authorization: Bearer $A" -H 'Accept: text/event-stream' \
    "$S$path?after=10" >"$T/sse" &
# shellcheck disable=SC2034
sse=$!
# shellcheck disable=SC2016
at_end 'kill $sse 2>/dev/null'
ok 'a stream begins where it is told' wait_for grep -q '^id: 12' "$T/sse"
tell one "$(batch 20 21 s2)"
ok 'and goes on' wait_for grep -q '^id: 14' "$T/sse"
ok 'with the class as the kind of event' grep -q '^event: metric' "$T/sse"
other=$(account other)
ok "another user's agent is not there" is "$(api "$other" GET "$path")" 404

ok 'some hundred in one batch' is "$(answered "$(batch 1001 1300 s2)" |
    jq .ack)" 1300
done_testing
