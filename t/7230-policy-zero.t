#!/bin/sh
# Not one packet passes unfiltered while the agent is killed, restarted and
# updated, and policies are exchanged, under a flood in both directions.
. "${0%/*}/lib.sh"
. "${0%/*}/policy-lib.sh"
up
peer='nsenter --net=/run/netns/peer'	# a process of its own number

deny='{"id":"flood","action":"deny","protocol":"udp","ports":9,"log":false}'
policy '"allow"' "$deny" >"$T/one.json"
policy '{"ingress":"allow","egress":"deny"}' "$deny" \
    '{"id":"ping","action":"allow","protocol":"icmp"}' >"$T/two.json"
ok 'a policy' policy_keep "$T/one.json"

perl "$TOP/t/flood.pl" hear >"$T/heard.here" & here=$!
$peer perl "$TOP/t/flood.pl" hear >"$T/heard.peer" & there=$!
perl "$TOP/t/flood.pl" send 10.77.0.2 fd77::2 >"$T/sent.here" & out=$!
$peer perl "$TOP/t/flood.pl" send 10.77.0.1 fd77::1 >"$T/sent.peer" & in=$!
# shellcheck disable=SC2016
at_end 'kill $here $there $out $in 2>/dev/null'

cp "$(command -v muster-agent)" "$T/next-agent"
# shellcheck disable=SC2086
for how in KILL TERM; do
	ends $how
	sleep 0.3		# nobody there: the kernel alone
	ok "after SIG$how the next one starts" agent_start
	ok 'and exchanges the policy' policy_keep "$T/two.json"
	ok 'and back' policy_keep "$T/one.json"
done
ends TERM
# shellcheck disable=SC2034
AGENT=$T/next-agent
ok 'another binary takes over' agent_start
ends KILL
find /sys/fs/bpf/muster -type f -delete
ok 'and one that finds no pins' agent_start
ok 'a trial is taken back' policy_set "$T/two.json"
ok 'by command' verb revert

kill $out $in
wait $out $in
sleep 0.3
kill $here $there
wait $here $there
echo "# sent: $(cat "$T/sent.here") $(cat "$T/sent.peer")"
echo "# counted: $(count flood)"
ok 'many were sent' test "$(cat "$T/sent.here")" -gt 10000
ok 'from both sides' test "$(cat "$T/sent.peer")" -gt 10000
ok 'none came in' is "$(cat "$T/heard.here")" 0
ok 'none went out' is "$(cat "$T/heard.peer")" 0

# The same without a policy: the test can fail.
verb clear >/dev/null
perl "$TOP/t/flood.pl" hear >"$T/heard.here" & here=$!
# shellcheck disable=SC2086
$peer perl "$TOP/t/flood.pl" send 10.77.0.1 fd77::1 >"$T/sent.peer" & in=$!
sleep 3
kill $in
wait $in
sleep 0.2
kill $here
wait $here
ok 'without a policy they come' test "$(cat "$T/heard.here")" -gt 100
done_testing
