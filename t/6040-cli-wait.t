#!/bin/sh
# Waiting for a build: a server that stumbles is waited for, a Ctrl-C leaves
# the build running and says how to go on, and no answer can do harm.
. "${0%/*}/lib.sh"
command -v node >/dev/null || skip_all 'no node'
. "${0%/*}/cli-lib.sh"
id=00000000-0000-4000-8000-000000000001
export MUSTER_API_KEY=x

serve wait
ok 'a job is waited for over every stumble' timeout 30 muster job -w "$id"
ok 'each stumble was seen' test "$(wc -l <"$T/log")" -ge 5
ok 'nothing but an id is waited for' exits 100 muster job -w nonsense

serve running
ok 'a time limit is kept' exits 99 timeout 20 muster job -w -t 300ms "$id"
ok 'also of a build' exits 99 timeout 20 muster build --os linux \
    --arch x64 -w -t 300ms
ok 'whose job goes on' says "job $id goes on" timeout 20 muster build \
    --os linux --arch x64 -w -t 300ms
polls() { grep -q "^GET .*/$id " "$T/log"; }
# interrupted SIGNAL: a waiting build gets it; its words are in $T/err.
interrupted() {
	: >"$T/log"
	# A shell's background job ignores SIGINT; env -i would not help.
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' muster build --os linux \
	    --arch x64 -w >"$T/out" 2>"$T/err" &
	waiter=$!
	wait_for polls || return 1
	kill -s "$1" "$waiter"
	code=0
	wait "$waiter" || code=$?
	cat "$T/err"
	return "$code"
}
ok 'Ctrl-C ends the waiting, as by the signal' exits 130 interrupted INT
ok 'and says how to go on' grep -q "muster job -w $id" "$T/err"
ok 'nothing was cancelled' exits 1 grep -q cancel "$T/log"
ok 'TERM is the same' exits 143 interrupted TERM
ok 'with the same words' grep -q "muster job -w $id" "$T/err"

serve later
ok '429 is 111: a retry may help' exits 111 muster jobs
ok 'and says when, and names the field' \
    says 'user: too many jobs wait; again in 7 s' muster jobs
ok 'several ids are all tried' exits 111 muster cancel "$id" "$id"
ok 'and told of' is "$(muster cancel "$id" "$id" 2>&1 | grep -c "$id")" 2
serve notjson
ok 'what is no JSON is 111' exits 111 muster jobs
ok 'and named' says 'no JSON' muster jobs

serve evil
esc=$(printf '\033')
clean() {
	"$@" >"$T/out" 2>&1
	cat "$T/out"
	[ -s "$T/out" ] && ! grep -q "$esc" "$T/out" &&
	    ! grep -q "$(printf '\302\233')" "$T/out"
}
ok 'a list passes no escape sequence on' clean muster jobs
ok 'and keeps its columns' is "$(muster jobs | awk -F '\t' '{ print NF }')" 8
ok 'on one line' is "$(muster jobs | wc -l)" 1
ok 'nor does a job' clean muster job "$id"
ok 'nor does a log' clean muster logs "$id"
ok 'nor does top' clean muster top
ok 'nor do words' clean muster job -w "$id"
done_testing
