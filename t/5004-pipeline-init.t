#!/bin/sh
# The package's init script starts one agent and stops that one, no other.
. "${0%/*}/lib.sh"
. "${0%/*}/pipeline-lib.sh"

mkdir "$T/bin"
sample_agent "$T/bin/muster-agent" || skip_all 'no static C compiler'
init=$T/init
sed -e "s|@BINDIR@|$T/bin|; s|/run/muster|$T/run|" \
    -e "s|/var/log/muster|$T/log|; s|/var/lib/muster|$T/state|; s| *@ARGS@||" \
    "$TOP/scripts/package/linux/muster-agent.init" >"$init"
chmod +x "$init"
printf '#!/bin/sh\necho "$*" >>"%s"\n' "$T/called" >"$T/bin/muster-updater"
pidfile=$T/run/muster-agent.pid
at_end "$init stop >/dev/null 2>&1"
gone() { ! kill -0 "$1"; }

ok 'nothing runs yet' exits 3 "$init" status
ok 'stopping that is no failure' exits 0 "$init" stop
ok 'it starts' "$init" start
chmod +x "$T/bin/muster-updater"
read -r pid <"$pidfile"
ok 'the process of the pidfile' wait_for "$init" status
ok 'is the agent' is "$(readlink "/proc/$pid/exe")" "$T/bin/muster-agent"
ok 'in a private directory' is "$(stat -c %a "$T/run")" 700
ok 'without a terminal' is "$(ps -o tty= -p "$pid" | tr -d ' ')" '?'
"$init" start >"$T/out"
read -r again <"$pidfile"
ok 'a second start starts no second one' is "$again" "$pid"
ok 'the updater is not asked while it runs' test ! -e "$T/called"
ok 'restart' "$init" restart
ok 'before a start it is' is "$(cat "$T/called")" "--recover --no-start \
--state-dir $T/state --run-dir $T/run --log-dir $T/log"
read -r new <"$pidfile"
ok 'ends the first' wait_for gone "$pid"
ok 'and runs another' wait_for "$init" status
ok 'not the same' exits 1 test "$new" = "$pid"
cp "$T/bin/muster-agent" "$T/bin/new"
mv "$T/bin/new" "$T/bin/muster-agent"
ok 'one whose program was replaced is known' "$init" status

# After an update another process is the agent: its lock says which.
mkdir "$T/state"
"$T/bin/muster-agent" & updated=$!
at_end "kill $updated 2>/dev/null; wait $updated 2>/dev/null"
printf 'pid\t%s\nstart\t1234\n' "$updated" >"$T/state/agent.lock"
runs() { "$init" status | grep -q "runs ($1)"; }
ok 'the lock goes before the pidfile' wait_for runs "$updated"
: >"$T/state/agent.lock"
ok 'an empty one does not' runs "$new"
ok 'and it is stopped' "$init" stop
ok 'really' wait_for gone "$new"
ok 'its pidfile goes' test ! -e "$pidfile"

sleep 60 &
other=$!
at_end "kill $other 2>/dev/null; wait $other 2>/dev/null"
echo $other >"$pidfile"
ok "another's process is not the agent" exits 3 "$init" status
ok 'and stop' "$init" stop
ok 'leaves it alone' kill -0 $other
ok 'without an agent there is nothing to reload' exits 1 "$init" reload
rm -f "$pidfile"
"$init" start >"$T/out"
wait_for "$init" status
read -r pid <"$pidfile"
ok 'one that runs is told to' "$init" reload
ok 'by the signal that it knows' wait_for gone "$pid"	# not this one
ok 'an unknown word' exits 2 "$init" go
done_testing
