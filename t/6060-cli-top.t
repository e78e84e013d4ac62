#!/bin/sh
# muster at a real terminal: tables with heads, a live screen, and a terminal
# that is left as it was found.
. "${0%/*}/lib.sh"
command -v tmux >/dev/null || skip_all 'no tmux'

at_end "testbed --stop $T/srv"
testbed "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
. "$T/env"
t() { tmux -S "$T/tmux" -f /dev/null "$@"; }
t new-session -d -x 100 -y 50 "PS1='ready: ' PATH='$PATH' sh" ||
    skip_all 'tmux has no terminal'
at_end "tmux -S $T/tmux kill-server"
screen() { t capture-pane -p; }
shows() { screen | grep -Eq -- "$1"; }
hides() { ! shows "$1"; }
# sees PATTERN: the screen, sooner or later.
sees() { wait_for shows "$1" || { screen; return 1; }; }
# types COMMAND: on an empty screen, so that what is seen is its own.
types() { t send-keys -R && t send-keys -l "$1" && t send-keys Enter; }
keys() { t send-keys "$@"; }
prompt() { wait_for last_is_prompt || { screen; return 1; }; }
last_is_prompt() { [ "$(screen | sed '/^$/d' | tail -n 1)" = ready: ]; }

prompt
types 'stty -g >'"$T"'/before'
prompt
MUSTER_SILENCE=5s muster build --os linux --arch x64 -n seen -w >/dev/null
id=$(muster jobs | cut -f 1)
types 'muster jobs'
ok 'a table has heads' sees '^ID +STATUS +OS +ARCH +NAME'
ok 'and times for people' sees "^$id +completed.* ago +[0-9.]+ (ms|s)\$"
t resize-window -x 70 -y 50
types 'muster jobs'
ok 'a narrow terminal has fewer columns' sees "^$id +completed .*seen"
ok 'on one line each' hides 'ago'
t resize-window -x 100 -y 50
types 'muster events'
ok 'events, too' sees '^ +1 +[0-9:.]+ +added'
types "muster job $id"
ok 'a job is aligned' sees '^status +completed$'
ok 'its steps are readable' sees '^steps +configuration [0-9]+ ms, '

types 'muster top'
ok 'top has a head' sees '^muster top .*127.0.0.1'
ok 'counts builds' sees '^builds +0 pending +0 running +1 completed'
ok 'and lists them' sees 'completed +linux/x64 +seen'
muster build --os linux --arch x64 -n next -w >/dev/null
ok 'a build that comes is shown' sees 'linux/x64 +next'
ok 'and counted' sees '2 completed'
t resize-window -x 60 -y 10
ok 'a small terminal has a small picture' sees '^builds .*2 comp'
ok 'of no more lines than it has' test "$(screen | wc -l)" -le 10
t resize-window -x 100 -y 50
keys C-z
ok 'Ctrl-Z gives the terminal back' prompt
types 'stty -g >'"$T"'/stopped; fg'
ok 'and fg takes it again' sees '^muster top .*127.0.0.1'
ok 'as it had been' cmp "$T/before" "$T/stopped"
keys q
ok 'q ends it' prompt
types 'echo "code $?"; stty -g >'"$T/after"
ok 'with 0' sees '^code 0$'
prompt
ok 'and the terminal is as it was' cmp "$T/before" "$T/after"
ok 'without the picture' hides '^muster top .*127'
types 'muster top'
sees '^muster top .*127.0.0.1' >/dev/null
keys C-c
ok 'Ctrl-C is the same' prompt
types 'stty -g >'"$T/after"
prompt
ok 'for the terminal, too' cmp "$T/before" "$T/after"
types 'muster top & echo $! >'"$T/pid; fg"
sees '^muster top .*127.0.0.1' >/dev/null
kill -TERM "$(cat "$T/pid")"
ok 'so is a signal' prompt
types 'stty -g >'"$T/after"
prompt
ok 'for the terminal' cmp "$T/before" "$T/after"

types 'muster top'
sees '^muster top .*127.0.0.1' >/dev/null
read -r pid <"$T/srv/buildsrv.pid"
kill -STOP "$pid"
ok 'a server that is silent does not hold it' keys q
ok 'q ends it at once' prompt
kill -CONT "$pid"
types 'muster top'
sees '^muster top .*127.0.0.1' >/dev/null
testbed --stop "$T/srv"
ok 'a server that is lost is told' sees 'refused'
ok 'below the last picture' sees '2 completed'
testbed "$T/srv" >/dev/null
ok 'and one that comes back, too' wait_for hides 'refused'
keys q
prompt
types 'muster top --server http://127.0.0.1:1'
ok 'one that never was is not waited for' sees '^muster top: .*refused'
types 'muster agents -w'
ok 'agents are watched' sees '^UID +HOST +USER'
keys q
ok 'until q' prompt
types "muster download -o $T/a.tar.gz $id; ls $T"
ok 'a download leaves no progress behind' sees '^a.tar.gz'
done_testing
