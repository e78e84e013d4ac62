#!/bin/sh
# One key on two hosts is noticed and shown, until an operator clears it; an
# agent that reconnects, or whose host boots anew, is not taken for two.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/gateway-lib.sh"

gateway_start
is_marked() { [ "$(muster agents | cut -f 12)" = duplicate ]; }
not_marked() { ! is_marked; }
# host NAME MACHINE BOOT: the agent "one" connects from there.
host() {
	cp "$T/one.pem" "$T/$1.pem" 2>/dev/null
	link "$1" "{\"machine_id\":\"$2\",\"boot_id\":\"$3\",\"name\":\"$1\"}" \
	    one
	wait_for named "$1"
}
named() { [ "$(muster agents --json | jq -r '.[0].name')" = "$1" ]; }

host one m1 b1
unlink_agents
host again m1 b1
ok 'the same boot again is one host' not_marked
unlink_agents
host booted m1 b2
ok 'the next boot, too' not_marked
unlink_agents
host back m1 b1
ok 'an earlier boot that is back is another host' wait_for is_marked
ok 'both are told' is "$(muster agents --json |
    jq -c '.[0].duplicate | [.why, (.hosts[] | .boot_id)]')" \
    '["an earlier boot of it is back","b2","b1"]'
ok 'an operator clears it' exits 0 muster agents clear one
ok 'and it is gone' not_marked
host other m2 b3
ok 'another machine that pushes out a live connection' wait_for is_marked
unlink_agents
ok 'stopped' exits 0 testbed --stop "$T/srv"
serve --open-registration
ok 'the mark outlives a restart' is_marked
ok 'cleared by its uid' exits 0 muster agents clear "$(uid_of one)"
ok 'stopped again' exits 0 testbed --stop "$T/srv"
serve --open-registration
ok 'so does clearing' not_marked
done_testing
