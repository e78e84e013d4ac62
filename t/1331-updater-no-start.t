#!/bin/sh
# Called by what starts the agent (--no-start), the updater finishes or undoes
# what another left and starts nothing; a new agent that is not proved gets
# one start, and has to go when it was not proved by the next.
# shellcheck disable=SC2016,SC2034
. "${0%/*}/lib.sh"
. "${0%/*}/updater.sh"
hold='exec muster-lock -F "$LOCK" sleep 600'
before_start() { recover --no-start; }

# cut STEP FLAG...: an update is killed there.
cut() {
	at=$1
	shift
	make_agent "$TARGET" 1.0
	make_agent "$NEW" 2.0 "$hold"
	stop_agents
	start_agent
	(RUN='exec'; update "$@" >"$T/killed" 2>&1) &
	updater=$!
	ok "$at: reached"	wait_for journal_has step "$at"
	kill -KILL "$updater"
	wait "$updater" 2>/dev/null
}

cut wait --wait 60s
stop_agents
ok 'before the swap: undone'	exits 1 before_start
ok 'the old one is installed'	installed 1.0
ok 'and nothing was started'	runs ''
ok 'it is over'			exits 0 before_start

cut prove --settle 60s
ok 'an agent that runs is left alone' exits 0 before_start
ok 'it runs on'			runs 2.0
ok 'at its proof'		journal_has step prove
stop_agents
ok 'after the swap: left'	exits 0 before_start
ok 'the new one is in place'	is "$("$TARGET" --version)" 'muster-agent 2.0'
ok 'and nothing was started'	runs ''
start_agent
journal_set settle_ms 100
ok 'it is proved then'		exits 0 recover
ok 'and installed'		installed 2.0

cut prove --settle 60s
stop_agents
sed 's/"unwatched": *[0-9]*,//' "$T/state/update.json" >"$T/j"
mv "$T/j" "$T/state/update.json"
ok "an older updater's journal" exits 0 before_start
ok 'has the new one in place'	is "$("$TARGET" --version)" 'muster-agent 2.0'
ok 'not proved by the second start: undone' exits 1 before_start
ok 'the old one is installed'	installed 1.0
ok 'and nothing was started'	runs ''
ok 'the reason is told'	journal_has failed_text 'the new agent was started'

make_agent "$TARGET" 1.0
make_agent "$NEW" 2.0 "$hold"
start_agent
(RUN='exec'; update --settle 60s >"$T/at-work" 2>&1) &
updater=$!
ok 'while one is at work'	wait_for journal_has step prove
ok 'it is left to that one'	says 'another updater is at work' before_start
ok 'the new agent runs'		runs 2.0
kill -KILL "$updater"
wait "$updater" 2>/dev/null
ok 'alone it is a wrong use'	exits 100 update --no-start
done_testing
