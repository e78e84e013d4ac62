#!/bin/sh
# A new agent that does not prove itself gives way to the old one.
# shellcheck disable=SC2016,SC2034
. "${0%/*}/lib.sh"
. "${0%/*}/updater.sh"

make_agent "$TARGET" 1.0
start_agent

# rolls_back TITLE STEP PATTERN WHAT [FLAG...]
rolls_back() {
	what=$1
	step=$2
	pattern=$3
	make_agent "$NEW" 2.0 "$4"
	shift 4
	ok "$what: rolled back"	exits 1 update "$@"
	ok "$what: said why"		journal_has failed_text ".*$pattern"
	ok "$what: the old one is there" installed 1.0
	ok "$what: and runs"		runs 1.0
	ok "$what: the journal says so" journal_has step rolled_back
	ok "$what: and where it failed" journal_has failed_step "$step"
	ok "$what: nothing to recover"	exits 0 recover
}

rolls_back 'dies at once' prove 'ended with exit code 3' 'exit 3'
rolls_back 'dies by a signal' prove 'ended with signal 9' 'kill -9 $$'
rolls_back 'never takes its lock' prove 'in 700 ms: it did not take its lock' \
    'exec sleep 600' --verify-time 700ms
rolls_back 'loses its lock soon' prove 'gave .*agent.lock up after' \
    'exec muster-lock -F "$LOCK" sleep 0.3' --settle 5s
rolls_back 'ignores SIGTERM' prove 'did not take its lock' \
    'trap "" TERM; exec sleep 600' --verify-time 300ms
make_agent "$NEW" 2.0
ok 'a command that is not there' exits 1 update -- /nonexistent/start
ok 'is seen before anything stops' journal_has failed_step check
ok 'the old one runs on'	runs 1.0

# Not even the old one starts: that is said, and a later call helps.
make_agent "$NEW" 2.0 'exit 3'
cat >"$T/start" <<'END'
#!/bin/sh
[ ! -e "$T/broken" ] || exit 5
exec "$TARGET"
END
chmod 755 "$T/start"
touch "$T/broken"
ok 'nothing can be started'	exits 111 update -- "$T/start"
ok 'the old one is there'	installed 1.0
ok 'the journal knows the step'	journal_has step restart
ok 'recovery fails likewise'	exits 111 recover
make_agent "$NEW" 3.0 'exit 3'
ok 'another update is tried all the same' exits 111 update -- "$T/start"
rm "$T/broken"
ok 'recovery once it can'	exits 1 recover
ok 'the old one runs'		runs 1.0

# Two updaters at once.
make_agent "$NEW" 2.0 'exec sleep 600'
(RUN='exec'; update --verify-time 60s >"$T/first" 2>&1) &
first=$!
wait_for journal_has step prove
ok 'a second updater is refused' exits 1 update
ok 'and says so'		says 'another updater is at work' recover
kill -KILL "$first"
wait "$first" 2>/dev/null
journal_set verify_ms 300
ok 'its work is undone'		exits 1 recover
ok 'the old one runs again'	runs 1.0
done_testing
