#!/bin/sh
# Our agent meets a server written from document 002 alone: it speaks the
# document, registers once, and comes back as it should.
. "${0%/*}/lib.sh"

command -v node >/dev/null || skip_all 'no node'
CLEAN=
# shellcheck disable=SC2016
at_end 'for p in $CLEAN; do kill $p 2>/dev/null; done'

# begin WORD: a server of that kind and an agent that talks to it.
begin() {
	rm -rf "$T/state"
	: >"$T/$1.out"
	node "$TOP/t/server002.mjs" "$1" >"$T/$1.out" 2>&1 &
	server=$!
	CLEAN="$CLEAN $server"
	wait_for grep -q '^http' "$T/$1.out"
	url=$(sed -n 1p "$T/$1.out")
	start "$1"
}
start() {
	log=$T/$1.log
	muster-agent --server "$url" --state-dir "$T/state" --name box \
	    --heartbeat 100ms --metrics-interval 200ms >"$log" 2>&1 &
	agent=$!
	CLEAN="$CLEAN $agent"
}
end() {
	kill "$agent" && wait "$agent"
	rc=$?
	kill "$server"
	wait "$server" 2>/dev/null
	CLEAN=
	return $rc
}
seen() { grep -Eq "$2" "$T/$1.out"; }
count() { grep -Ec "$2" "$T/$1.out"; }
# at WORD PATTERN N: when the Nth such line came, in ms.
at() { grep -E "$2" "$T/$1.out" | sed -n "$3s/ .*//p"; }

begin plain
ok 'authenticates' wait_for seen plain ' authenticated box-[0-9a-f]{8}$'
ok 'registers' wait_for seen plain ' registered box-[0-9a-f]{8}$'
ok 'sends heartbeats' wait_for seen plain ' heartbeat good'
ok 'of the document'"'"'s members' seen plain \
    '\["headers","id","payload","timestamp","type"\]'
ok 'sends telemetry' wait_for seen plain ' telemetry number'
kill "$agent"
ok 'SIGTERM: exit 0' exits 0 wait "$agent"
ok 'the link was closed in order' wait_for seen plain ' closed 1000$'
start plain
authenticated_twice() { [ "$(count plain ' authenticated ')" -ge 2 ]; }
ok 'started again it authenticates' wait_for authenticated_twice
beats=$(count plain ' heartbeat good')
more() { [ "$(count plain ' heartbeat good')" -gt "$beats" ]; }
ok 'and sends heartbeats' wait_for more
ok 'but registers no more' is "$(count plain ' registered ')" 1
ok 'nothing was wrong' is "$(count plain BAD)" 0
kill -TERM "$agent"
kill -TERM "$agent" 2>/dev/null
ok 'two signals: exit 0' exits 0 wait "$agent"
start plain
wait_for grep -q connecting "$log"	# the earliest that a test can see
end
ok 'a signal at the start: exit 0' is $? 0

begin skew
ok 'a clock that is wrong does not lock it out' \
    wait_for seen skew ' authenticated '
ok 'one refusal was enough' is "$(count skew ' skewed')" 1
ok 'its time stamps are the server'"'"'s' wait_for seen skew \
    ' heartbeat good'
ok 'the log tells by how much' grep -q 'clock is 3[56][0-9][0-9]\.[0-9] s behind' \
    "$log"
end

begin refuse
refused() { [ "$(count refuse ' refused')" -ge 3 ]; }
ok 'a refused agent tries again' wait_for refused
ok 'but never registers' is "$(count refuse registered)" 0
end

begin away
ok 'sent away it comes back' wait_for sh -c \
    "[ \$(grep -c authenticated '$T/away.out') -ge 2 ]"
gap=$(($(at away ' authenticated ' 2) - $(at away ' sent away' 1)))
ok "when it was told to (after $gap ms)" test $gap -ge 490
end

begin busy
ok 'refused with 503 it comes back' wait_for seen busy ' authenticated '
gap=$(($(at busy ' authenticated ' 1) - $(at busy ' sent away' 1)))
ok "not before Retry-After (after $gap ms)" test $gap -ge 990
end

begin ask
ok 'an unknown channel is answered with an error' wait_for seen ask \
    ' message response error .*unknown_channel'
ok 'and the link stays' is "$(count ask ' closed')" 0
end
done_testing
