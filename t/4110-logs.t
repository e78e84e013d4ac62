#!/bin/sh
# logPaths: files are followed through rotation, truncation and restarts, and
# what is in them arrives whatever it is.
. "${0%/*}/lib.sh"
command -v node >/dev/null || skip_all 'no node'

mkdir "$T/log"
port=$(node -e 'const s=require("net").createServer().listen(0,()=>{
	console.log(s.address().port);s.close()})')
node "$TOP/t/eventsink.mjs" "$port" "$T/events" >"$T/sink.log" 2>&1 &
at_end kill $!
cat >"$T/agent.config.json" <<END
{ "logPaths": ["$T/log/one.log", "$T/log/*/a?[c-e].log"] }
END
log=$T/agent.log
start() {
	muster-agent --config "$T/agent.config.json" --state-dir "$T/state" \
	    --server "http://127.0.0.1:$port" --encryption off \
	    --web-listen none "$@" >>"$log" 2>&1 &
	agent=$!
}
# shellcheck disable=SC2016
at_end 'kill $agent 2>/dev/null'
stop() { kill "$agent" && wait "$agent"; }
arrived() { grep -c " log log $1\$" "$T/events"; }
comes() { wait_for sh -c "[ \"\$(grep -c ' log log $1\$' '$T/events')\" -ge 1 ]"; }
once() { is "$(arrived "$1")" 1; }

echo before >"$T/log/one.log"
start
wait_for test -e "$T/state/logs.json"
echo first >>"$T/log/one.log"
ok 'a new line arrives' comes first
ok 'what was there before the first start does not' is "$(arrived before)" 0
mkdir "$T/log/sub"
echo glob >"$T/log/sub/abd.log"
echo other >"$T/log/sub/abx.log"
ok 'a file that comes to match is read from its beginning' comes glob
printf 'half' >>"$T/log/one.log"
sleep 0.2
printf '%s\n' '-line' >>"$T/log/one.log"
ok 'a line is whole before it goes' comes half-line

# Rotation: what is written to the old name's file still counts.
exec 5>>"$T/log/one.log"
echo late-1 >&5
mv "$T/log/one.log" "$T/log/one.log.1"
echo late-2 >&5
exec 5>&-
echo fresh >"$T/log/one.log"
ok 'after a rename the new file is read' comes fresh
ok 'and the old one to its end' comes late-2
ok 'nothing of it twice' once late-1

: >"$T/log/one.log"
echo again >>"$T/log/one.log"
ok 'truncated, it is read anew' comes again
# shorter than a poll, and longer than before: its first bytes tell
{ echo copied-1; head -c 3000 /dev/zero | tr '\0' z; echo; } >"$T/log/one.log"
ok 'truncated and grown past where we were' comes copied-1

stop
echo while-away >>"$T/log/one.log"
mv "$T/log/one.log" "$T/log/one.log.2"
echo while-away-2 >"$T/log/one.log"
start
ok 'what was written while it did not run arrives' comes while-away-2
ok 'also from the file that was renamed' comes while-away
ok 'and nothing twice' is "$(sort "$T/events" | cut -d ' ' -f 3- |
    grep 'log log [a-y]' | uniq -d | wc -l)" 0
kill -9 "$agent"
wait "$agent" 2>/dev/null
start
echo after-kill >>"$T/log/one.log"
ok 'after kill -9 it goes on' comes after-kill
ok 'where it was' once copied-1

# Any bytes, any length.
printf 'bin\000\377\303\n' >>"$T/log/one.log"
ok 'what is not UTF-8 is shown as such' comes 'bin.........'
{
	head -c 300000 /dev/zero | tr '\0' y
	echo
	echo behind-long
} >>"$T/log/one.log"
ok 'a long line is cut' comes behind-long
ok 'and is one' is "$(grep -c ' log log yyy' "$T/events")" 1
ok 'other names do not match' is "$(arrived other)" 0

# The rate: what it does not allow now comes later.
stop
start --log-rate 100
seq 1 250 | sed 's/^/rate-/' >>"$T/log/one.log"
ok 'more than the rate waits in the file' comes rate-250
ok 'and none is lost' is "$(grep -c ' log log rate-' "$T/events")" 250
stop
start --log-rate 1
yes 'filler-filler-filler-filler-filler-filler-filler' | head -c 18000000 \
    >>"$T/log/one.log"
ok 'too far behind, lines are dropped and told' wait_for grep -q \
    'log.dropped' "$T/events"
ok 'stopped: 0' exits 0 stop
done_testing
