#!/bin/sh
# muster-lock gives a script what the agent has: a control pipe beside its
# lock, to serve and to send to.
. "${0%/*}/lib.sh"

pipe=$T/pipe
send() { muster-lock --send "$pipe" "$@"; }
# shellcheck disable=SC2016
muster-lock --serve "$pipe" "$T/l" sh -c 'trap "exit 5" TERM
while :; do sleep 0.1; done' & one=$!
two=
# shellcheck disable=SC2016
at_end 'kill $one $two 2>/dev/null; wait $one $two 2>/dev/null'
ok 'it serves' wait_for send status
ok 'IDLE' is "$(send status | jq -r .state)" IDLE
ok 'its command runs' kill -0 "$(send status | jq .pid)"
ok 'an unknown word: 1' exits 1 send fly
ok 'bad JSON: 100' exits 100 send status '{'
ok 'no word: 100' exits 100 send
ok 'no pipe: 111' exits 111 muster-lock --send "$T/none" status
ok 'another secret' send rotate_secret
ok 'is known at once' send status

ok 'busy' send busy
ok 'said so' is "$(send status | jq -r .state)" BUSY
ok '--force: busy' says busy_updating muster-lock --serve "$pipe" --force "$T/l" true
ok 'is 1' exits 1 muster-lock --serve "$pipe" --force "$T/l" true
ok 'idle' send idle
muster-lock --serve "$pipe" --force "$T/l" sleep 60 & two=$!
rc=0
wait $one || rc=$?
ok 'then it goes, by SIGTERM, with its own code' is $rc 5
second() { [ "$(muster-lock --status "$T/l" |
    sed -n 's/^pid	//p')" = $two ] && send status; }
ok 'and the other runs' wait_for second
ok 'stop' send stop
rc=0
wait $two || rc=$?
ok 'ends it' is $rc 143
ok 'the pipe has gone' test ! -e "$pipe" -a ! -e "$pipe.secret"
ok 'a command that is not there: 127' exits 127 muster-lock --serve "$pipe" \
    "$T/l" nosuchcommand
ok '--force alone: 100' exits 100 muster-lock --force "$T/l" true
done_testing
