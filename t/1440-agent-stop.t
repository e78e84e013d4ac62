#!/bin/sh
# Whatever signals come while it stops, an agent ends with 0, in order, once.
# SIGTERMS (100) of them; by hand with more, and with a sanitized agent.
. "${0%/*}/lib.sh"

storm=$T/storm
cat >"$storm" <<'END'
use strict;
my ($pid, $n) = @ARGV;
for (1 .. $n) {
	kill(($_ % 3 == 0 ? 'INT' : 'TERM'), $pid) or last;
	select undef, undef, undef, rand 0.0005;
}
END
i=0
while [ $i -lt 5 ]; do
	i=$((i + 1))
	muster-agent --server http://127.0.0.1:1 --state-dir "$T/s" \
	    --web-listen 127.0.0.1:0 2>"$T/log" & pid=$!
	wait_for muster-agent --state-dir "$T/s" status
	perl "$storm" $pid "${SIGTERMS:-100}"
	rc=0
	wait $pid || rc=$?
	ok "$i: it ends with 0" is $rc 0
	ok "$i: it stopped once" is \
	    "$(grep -c 'State transition: IDLE -> SHUTTING_DOWN' "$T/log")" 1
	ok "$i: to its end" grep -q ': stopped$' "$T/log"
	ok "$i: the lock is free" is "$(muster-lock --status "$T/s/agent.lock")" \
	    'state	free'
done
done_testing
