#!/bin/sh
# muster-lock around a command: who gets the lock, and the exit codes.
# shellcheck disable=SC2016 # scripts for other shells
. "${0%/*}/lib.sh"

# hold [OPTION...]: holds $T/l in the background until released; $holder.
hold() {
	rm -f "$T/go"
	muster-lock "$@" "$T/l" sh -c ': >"$0/held"
	until [ -e "$0/go" ]; do sleep 0.02; done' "$T" &
	holder=$!
	at_end "kill $holder 2>/dev/null; wait $holder 2>/dev/null"
	wait_for test -e "$T/held"
}
let_go() {
	: >"$T/go"
	wait "$holder"
	rm -f "$T/held"
}

ok 'runs the command'		muster-lock "$T/l" true
ok 'passes its code on'		exits 7 muster-lock "$T/l" sh -c 'exit 7'
ok 'and its signal'		exits 137 \
    muster-lock "$T/l" sh -c 'kill -9 $$'
ok 'arguments arrive whole'	is \
    "$(muster-lock "$T/l" printf '<%s>' 'a b' '' -n)" '<a b><><-n>'
ok '-c: a line for the shell'	is "$(muster-lock "$T/l" -c 'echo $((1+1))')" 2
ok 'no such command: 127'	exits 127 muster-lock "$T/l" nosuchcommand
ok 'no command: 126'		exits 126 muster-lock "$T/l" /dev/null
ok 'the file stays, empty'	test -f "$T/l" -a ! -s "$T/l"
ok 'no such directory: 111'	exits 111 muster-lock "$T/no/l" true
ok 'and it is named'		says "^muster-lock: $T/no/l: " \
    muster-lock "$T/no/l" true

hold
ok '-n: busy is 1'		exits 1 muster-lock -n "$T/l" true
ok '-w: timed out is 99'	exits 99 muster-lock -w 0.1 "$T/l" true
ok '-w 0 as well'		exits 99 muster-lock -w 0 "$T/l" true
ok '-E with -n'			exits 5 muster-lock -n -E 5 "$T/l" true
ok '-E with -w'			exits 0 muster-lock -w .1 -E 0 "$T/l" false
ok '-s: busy too'		exits 1 muster-lock -sn "$T/l" true
ok '-v: who is in the way'	says "held by pid $holder since 20" \
    muster-lock -nv "$T/l" true
muster-lock "$T/l" sh -c ': >"$0/waited"' "$T" & waiter=$!
ok 'the holder still runs'	kill -0 "$holder"
ok 'a waiter waits'		test ! -e "$T/waited"
let_go
ok 'and gets it then'		wait "$waiter"
ok '-v: how long it took'	says "getting lock took 0.0" \
    muster-lock -v "$T/l" true

hold -s
ok 'shared beside shared'	muster-lock -sn "$T/l" true
ok 'but not alone'		exits 1 muster-lock -xn "$T/l" true
let_go

# The command inherits the lock: killing muster-lock does not free it.
hold
kill -9 "$holder"
wait "$holder" 2>/dev/null
ok 'a killed muster-lock leaves it with the command' \
    exits 1 muster-lock -n "$T/l" true
: >"$T/go"
ok 'until that ends'		wait_for muster-lock -n "$T/l" true
rm -f "$T/held"
muster-lock "$T/l" sh -c 'sleep 60 & echo $! >"$0/bg"' "$T"
ok 'a daemon of the command holds it'	exits 1 muster-lock -n "$T/l" true
kill "$(cat "$T/bg")"
ok 'until that ends'		wait_for muster-lock -n "$T/l" true
muster-lock -o "$T/l" sh -c 'sleep 60 & echo $! >"$0/bg"' "$T"
ok '-o: it does not'		muster-lock -n "$T/l" true
kill "$(cat "$T/bg")"

echo 'exit 3' >"$T/script"
ok 'any file can be the lock'	exits 3 muster-lock "$T/script" sh "$T/script"
ok 'and keeps its contents'	is "$(cat "$T/script")" 'exit 3'

# -F: no process in between.
muster-lock -F "$T/l" sh -c 'echo $$ >"$0/pid"
until [ -e "$0/go2" ]; do sleep 0.02; done' "$T" & pid=$!
wait_for test -s "$T/pid"
ok '-F: becomes the command'	is "$(cat "$T/pid")" "$pid"
ok '-F: which holds the lock'	exits 1 muster-lock -n "$T/l" true
: >"$T/go2"
wait "$pid"
ok '-F: passes its code'	exits 4 muster-lock -F "$T/l" sh -c 'exit 4'
ok '-F: not found'		exits 127 muster-lock -F "$T/l" nosuchcommand
done_testing
