#!/bin/sh
# Who asked leaves, by Ctrl-C, or the time is over: the agent is told, ends
# the child that works for the command, and the audit log has it.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/gateway-lib.sh"
env --default-signal=INT true 2>/dev/null || skip_all 'no env --default-signal'

gateway_start
link one
link two
# A shell gives what it starts in the background no SIGINT, so that one is
# asked for.
asks() {
	env --default-signal=INT "$BIN/muster" exec -t 50s "$@" \
	    >"$T/asked" 2>&1 &
	asked=$!
}
interrupt() { kill -INT $asked && wait $asked; }
noted() {
	muster audit --json | jq -r 'select(.action == "agent.command") |
	    .object + " " + .result' | grep -Ec "^[0-9a-f-]{36} $1$"
}
noted_n() { [ "$(noted "$2")" = "$1" ]; }

asks -a silent
wait_for said one 'command silent'
wait_for said two 'command silent'
ok 'Ctrl-C ends muster exec as it does others: 130' exits 130 interrupt
ok 'the first agent is told to cancel that command' \
    wait_for said one '^cancel (command_[0-9]+) of \1$'
ok 'the second one, too' wait_for said two '^cancel (command_[0-9]+) of \1$'
ok 'the audit log has both' wait_for noted_n 2 'silent cancelled'
ok 'the agents are there as before' is "$(muster exec -a ping | sort |
    tr '\t\n' ': ')" 'one:pong two:pong '
ok 'what ended by itself is not cancelled' is "$(noted 'ping cancelled')" 0
ok 'a time-out: 99' exits 99 muster exec -t 1s one silent
ok 'cancels as well' wait_for said one '^cancel ' 2
unlink_agents

# Our agent and its child; this systemctl is in its PATH alone.
mkdir "$T/bin"
cat >"$T/bin/systemctl" <<END
#!/bin/sh
echo \$\$ >"$T/child.new" && mv "$T/child.new" "$T/child"
exec sleep 300
END
chmod +x "$T/bin/systemctl"
PATH=$T/bin:$PATH muster-agent --server "$MUSTER_SERVER" --name box \
    --state-dir "$T/state" --web-listen none >"$T/agent.log" 2>&1 &
# shellcheck disable=SC2034
agent=$!
# shellcheck disable=SC2016
at_end 'kill $agent'
there() { muster exec box ping; }
wait_for there
asks box get_status
wait_for test -e "$T/child"
read -r child <"$T/child"
ok 'its command has a child' kill -0 "$child"
ok 'Ctrl-C' exits 130 interrupt
ok 'ends it' wait_for sh -c "! kill -0 $child 2>/dev/null"
ok 'and the agent knows why' wait_for grep -q 'command cancelled: get_status' \
    "$T/agent.log"
ok 'it takes others' there
done_testing
