#!/bin/sh
# muster exec, modules, reports and agents label: what people and pipelines
# get, and the exit codes.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/gateway-lib.sh"

gateway_start
link one
link two
ok 'a result is printed as it is' is "$(muster exec one ping)" pong
ok 'args are JSON where they can be' is \
    "$(muster exec one echo a=1 'b=x y' 'c=[true]')" \
    '{"a":1,"b":"x y","c":[true]}'
ok 'parts as they come' is "$(muster exec one parts | tr '\n' ' ')" \
    '{"n":1} {"n":2} {"n":3} '
ok 'to all: the host before it' is "$(muster exec -a ping | sort |
    tr '\t\n' ': ')" 'one:pong two:pong '
ok 'as JSON, with the last line' is "$(muster exec one ping --json |
    jq -c '[.result, .end]' | tr '\n' ' ')" '["pong",null] [null,true] '
ok "an agent's fault is said" says 'one: it fails' muster exec one fails
ok 'and 1' exits 1 muster exec one fails
ok 'no answer in time: 99' exits 99 muster exec -t 1s one silent
ok 'no such agent: 1' exits 1 muster exec three ping
ok 'nothing to do: 100' exits 100 muster exec one
ok 'args that are none: 100' exits 100 muster exec one echo x
ok 'labelled' is "$(muster agents label one site=a x=1)" 'site	a
x	1'
ok 'unlabelled' is "$(muster agents label one x-)" 'site	a'
ok 'listed by label' is "$(muster agents -l site=a | cut -f 2,11)" \
    'one	site=a'
ok 'commanded by label' is "$(muster exec -l site=a ping)" 'one	pong'
ok 'a label nobody has: 1' exits 1 muster exec -l site=b ping
ok 'modules are a command' exits 0 muster modules one stop telemetry
ok 'with action and module' said one \
    '^command modules \{"action":"stop","module":"telemetry"\}'
ok 'a verb of a module' exits 0 muster modules one command policy set 'a={}'
ok 'with its args' said one '^command modules \{"action":"command","args":\{"a":\{\}\},"module":"policy","verb":"set"\}'
ok 'a wrong action: 100' exits 100 muster modules one begin x

tell one '["agent.events",{"from":1,"events":[
    {"class":"alert","module":"m","type":"seen","t":1,"data":{"k":"v"}},
    {"class":"log","type":"line","t":2}]}]'
wait_for said one '"ack":2'
ok 'reports are lines' is "$(muster reports one | cut -f 1,3-)" \
    '1	alert	m	seen	{"k":"v"}
2	log	-	line	-'
ok 'of a class' is "$(muster reports -c log one | cut -f 1)" 2
ok 'behind a number' is "$(muster reports --after 1 one | cut -f 1)" 2
muster reports -f one >"$T/follow" 2>&1 &
# shellcheck disable=SC2034
follow=$!
# shellcheck disable=SC2016
at_end 'kill $follow 2>/dev/null'
wait_for grep -q line "$T/follow"
tell one '["agent.events",{"from":3,"events":[{"type":"late","t":3}]}]'
ok 'followed' wait_for grep -q late "$T/follow"
unlink_agents
away() { muster agents --json | jq -e 'all(.connected | not)'; }
wait_for away
ok 'not connected: 111' exits 111 muster exec one ping
done_testing
