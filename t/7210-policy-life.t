#!/bin/sh
# A policy's life: trial, confirmation, rollback, and that it outlives the
# agent, with counters and deadline.
. "${0%/*}/lib.sh"
. "${0%/*}/policy-lib.sh"
up

policy '"allow"' '{"id":"p4","action":"deny","protocol":"icmp"}' \
    >"$T/one.json"
policy '"allow"' '{"id":"p4","action":"deny","protocol":"icmp"}' \
    '{"id":"p6","action":"deny","protocol":"icmpv6"}' >"$T/two.json"
policy '"deny"' >"$T/none.json"
sed 's/"version":1/"version":1,"mode":"audit"/' "$T/two.json" >"$T/audit.json"
sed 's/icmp"/icpm"/' "$T/one.json" >"$T/bad.json"

ok 'all passes before' four
ok 'a bad policy is refused, its rule named' says 'rules\[0\] \(p4\): protocol' \
    policy_set "$T/bad.json"
ok 'and nothing changes' is "$(policy_state)" none
ok 'a policy goes on trial' policy_set "$T/one.json"
ok 'it serves' fails four
ok 'and says so' is "$(policy_state)" trial
ok 'a confirmation of another is refused' says 'another policy' \
    verb confirm '{"policy":"0000"}'
ok 'it is confirmed over the link' verb confirm
ok 'and enforced' fails four
ok 'IPv6 still passes' six
ok 'each rule counts' test "$(count p4)" -ge 2

ok 'the next one on trial, for 5 s' policy_set "$T/two.json" 5000
ok 'serves' fails six
ended() { [ "$(policy_state)" = enforced ]; }
ok 'nobody confirms' wait_for ended
ok 'so the one before is back' six
ok 'with its drops' fails four
ok 'no confirmation comes late' fails verb confirm

ok 'a trial that cuts all' policy_set "$T/none.json" 6000
ok 'does not cut the link' is "$(policy_state)" trial
end=$(($(date +%s) + 7))
ends KILL
ok 'the agent is killed meanwhile: it still serves' fails six
passed() { [ "$(date +%s)" -ge "$end" ]; }
wait_for passed
ok 'the kernel goes back by itself' six
ok 'to the one before' fails four
ok 'the next agent' agent_start
ok 'knows' is "$(policy_state)" enforced
ok 'and took the counters over' test "$(count p4)" -ge 3
ok 'nothing waits for a confirmation' fails verb confirm

ok 'a trial' policy_set "$T/two.json"
ends TERM
ok 'the agent has ended: it serves' fails six
ok 'the next agent' agent_start
ok 'takes the trial over' is "$(policy_state)" trial
ok 'and its confirmation' verb confirm
ok 'it holds' fails six

ok 'audit' policy_keep "$T/audit.json"
ok 'drops nothing' four
ok 'but counts question and answer' is "$(count p4)" 2
is_audit() { is "$(policy_state)" audit; }
ok 'and says so' is_audit
ok 'a document is given back as it was' is "$(verb show \
    '{"document":true}' >/dev/null; jq -r '[.parts[].text] | add' \
    "$T/answer")" "$(cat "$T/audit.json")"

ends KILL
find /sys/fs/bpf/muster -type f -delete
ok 'without pins' agent_start
ok 'the next agent finds it by its program' is "$(policy_state)" audit
ok 'with its counters' is "$(count p4)" 2
policy_keep "$T/two.json"
ends KILL
find /sys/fs/bpf/muster -type f -delete
tc filter del dev veth0 ingress
tc filter del dev veth0 egress
ok 'nothing left in the kernel' four
ok 'the next agent' agent_start
ok 'brings back what was confirmed' fails six

ok 'no policy' verb clear
ok 'lets all pass' six
ok 'and leaves no filter' is "$(tc filter show dev veth0 ingress)" ''
ok 'nor a qdisc of its own' is "$(tc qdisc show dev veth0 | grep clsact)" ''
done_testing
