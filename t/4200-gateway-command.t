#!/bin/sh
# Commands to agents of document 002: to one and to several, answers in parts,
# as they come; who does not answer is told apart from who is not there.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/gateway-lib.sh"
command -v curl >/dev/null || skip_all 'no curl'

gateway_start
link one '{"labels":{"site":"a","rack":"7"}}'
link two '{"labels":{"site":"b"}}'
one=$(uid_of one)
two=$(uid_of two)
json='Content-Type: application/json'
# order BODY: to several; the lines are in $T/body.
order() { api "$A" POST /api/agents/command -H "$json" -d "$1"; }
one_order() {
	api "$A" POST "/api/agents/$one/command" -H "$json" -d "$1"
}

ok 'a command to one agent' is "$(one_order '{"command":"ping"}')" 200
ok 'is answered' is "$(get '.result + .error')" pong
ok 'it gets its args as they are' is "$(one_order \
    '{"command":"echo","args":{"b":[1.5,"ä"],"a":{}}}')" 200
ok 'and gives them back' is "$(jq -c .result "$T/body")" '{"a":{},"b":[1.5,"ä"]}'
ok 'parts come with the answer' is "$(one_order '{"command":"parts"}')$(
    jq -c '[.parts[].n]' "$T/body")" '200[1,2,3]'
ok 'a fault of the agent is its answer' is \
    "$(one_order '{"command":"fails"}')$(get .error)" '200it fails'
ok 'who does not answer in time: 504' is \
    "$(one_order '{"command":"silent","timeout":1}')" 504
ok 'a time-out has bounds' is \
    "$(one_order '{"command":"ping","timeout":3601}')$(get .field)" 400timeout

ok 'to both' is "$(order '{"command":"ping","all":true}')" 200
ok 'a line for each, and one that sums up' is \
    "$(jq -s -c 'map(.result // {ok, failed})' "$T/body")" \
    '["pong","pong",{"ok":2,"failed":0}]'
ok 'with uid and host' is "$(jq -r 'select(.host_id == "two") | .agent' \
    "$T/body")" "$two"
ok 'by host name, parts as lines' is "$(order \
    '{"command":"parts","agents":["one"]}')$(jq -c '.part.n // .done' \
    "$T/body" | tr '\n' ' ')" '2001 2 3 true null '
ok 'by label' is "$(order '{"command":"ping","labels":["site=b"]}')$(
    jq -r '.host_id // empty' "$T/body")" 200two
ok 'by the label alone' is "$(order '{"command":"ping","labels":["site"]}')$(
    jq -r 'select(.end) | .agents' "$T/body")" 2002
ok 'by two labels' is "$(order '{"command":"ping",
    "labels":["site=a","rack=7"]}')$(jq -r '.host_id // empty' "$T/body")" \
    200one
ok 'nobody has it: none is told' is "$(order \
    '{"command":"ping","labels":["site=x"]}')$(jq -r .agents "$T/body")" 2000
ok 'one that there is not' is "$(order '{"command":"ping",
    "agents":["one","three"]}')$(get .field)" 404agents
ok 'to nobody in particular' is "$(order '{"command":"ping"}')" 400
ok 'who is silent is told apart' is "$(order \
    '{"command":"silent","all":true,"timeout":1}')$(
    jq -r '.code // .failed' "$T/body" | tr '\n' ' ')" '200timeout timeout 2 '

# Labels of an operator.
label() {
	api "$A" PATCH "/api/agents/$1/labels" -H "$json" -d "{\"labels\":$2}"
}
ok 'an operator labels an agent' is "$(label "$two" '{"site":"c","x":""}')" 200
ok 'his go before its own' is "$(muster agents --json |
    jq -c '.[] | select(.host_id == "two") | .labels')" '{"site":"c","x":""}'
ok 'and are taken away' is "$(label "$two" '{"x":null}')$(
    jq -c .labels "$T/body")" '200{"site":"c"}'
ok 'a bad name is refused' is "$(label "$two" '{"a b":"c"}')$(get .field)" \
    400labels
ok 'and a number' is "$(label "$two" '{"a":1}')" 400

# Streamed: the parts are there before the end.
curl -sN -H "Authorization: Bearer $A" -H "$json" -d \
    '{"command":"silent","all":true,"timeout":30}' \
    "$S/api/agents/command" >"$T/stream" &
order=$!
wait_for said one 'command silent' 3
unlink_agents
ok 'an agent that leaves ends its line' wait_for grep -q '"end":true' \
    "$T/stream"
wait $order
ok 'with its code' is "$(jq -r '.code // empty' "$T/stream" | sort -u)" left
ok 'not connected any more' is "$(one_order '{"command":"ping"}')" 409
ok 'and told so' is "$(order '{"command":"ping","all":true}')$(
    jq -r '.code // empty' "$T/body" | sort -u)" 200not_connected

ok 'each command is in the audit log' is "$(muster audit --json |
    jq -r 'select(.action == "agent.command") | .object' |
    grep -c "^$one ping$")" 4
ok 'restarted' exits 0 testbed --stop "$T/srv"
serve --open-registration
A=$MUSTER_API_KEY
ok "the operator's labels stay" is "$(muster agents --json |
    jq -c '.[] | select(.host_id == "two") | .labels')" '{"site":"c"}'
done_testing
