#!/bin/sh
# Descriptors of the shell, and what is no use of muster-lock.
. "${0%/*}/lib.sh"

exec 9>"$T/d"
ok 'a descriptor is locked'	muster-lock -n 9
exec 8>"$T/d"
ok 'against another'		exits 1 muster-lock -n 8
ok 'which may wait'		exits 99 muster-lock -w 0.05 8
ok 'and against the file'	exits 1 muster-lock -n "$T/d" true
exec 9>&-
ok 'closed, it is free'		muster-lock -n 8
exec 8>&-
exec 7<"$T/d" 6<"$T/d"
ok 'shared'			muster-lock -sn 7
ok 'and shared'			muster-lock -sn 6
ok 'a closed descriptor: 111'	exits 111 muster-lock -n 5

usage() { exits 100 "$@" && says '^usage: muster-lock ' "$@"; }
ok 'nothing at all'		usage muster-lock
ok 'no command'			usage muster-lock "$T/l"
ok 'an unknown flag'		usage muster-lock --nosuch "$T/l" true
ok 'no number'			usage muster-lock -w x "$T/l" true
ok 'a negative one'		usage muster-lock -w -1 "$T/l" true
ok 'infinity'			usage muster-lock -w inf "$T/l" true
ok 'a huge one'			usage muster-lock -w 99999999999 "$T/l" true
ok 'a code above 255'		usage muster-lock -E 256 "$T/l" true
ok '-s and -x'			usage muster-lock -s -x "$T/l" true
ok '-n and -w'			usage muster-lock -n -w 1 "$T/l" true
ok '-F and -o'			usage muster-lock -F -o "$T/l" true
ok '-c without a line'		usage muster-lock "$T/l" -c
ok '-c with two'		usage muster-lock "$T/l" -c a b
ok '--status with a command'	usage muster-lock --status "$T/l" true
ok 'none of these made a file'	test ! -e "$T/l"
ok 'options of the command are its own'	is \
    "$(muster-lock "$T/l" echo --status -n)" '--status -n'
ok '--version'			says '^muster-lock [0-9]' muster-lock --version
ok '--help'			exits 0 muster-lock --help
done_testing
