#!/bin/sh
# --enable-autostart and --disable-autostart, with the init systems for real:
# what is made runs the agent, and taken back leaves no trace.
. "${0%/*}/lib.sh"

[ "$(id -u)" = 0 ] || skip_all 'needs root'
# In a mount namespace with an /etc, a /run and a spool of its own.
if [ -z "${AUTOSTART_INSIDE:-}" ]; then
	mkdir "$T/over"
	unshare -m sh -c "mount -t tmpfs none '$T/over'" 2>/dev/null ||
	    skip_all 'no mount namespaces here'
	AUTOSTART_INSIDE=$T/over
	export AUTOSTART_INSIDE
	unshare -mpf --mount-proc sh "$0"
	exit
fi
over=$AUTOSTART_INSIDE
mount --make-rprivate /
mount -t tmpfs none "$over"
for d in etc var; do
	mkdir -p "$over/$d" "$over/$d.work"
	mount -t overlay none -o \
	    "lowerdir=/$d,upperdir=$over/$d,workdir=$over/$d.work" "/$d" ||
	    skip_all 'no overlay file system here'
done
mount -t tmpfs none /run
rm -f /etc/cron.d/* /etc/cron.*ly/* /etc/crontab /etc/rc?.d/*
mkdir "$T/scan" "$T/home"

agent=$(command -v muster-agent)
s=$T/state
# auto WORD...: with what the agent shall be started with.
auto() { "$agent" --state-dir "$s" --log-dir "$T/log" --server http://127.0.0.1:1 \
    --web-listen none "$@"; }
runs() { muster-agent --state-dir "$s" status | grep -q 'state	IDLE'; }
gone() { exits 1 muster-lock --status "$s/agent.lock"; }
trace() { find /etc /var /run "$T/scan" "$T/home" -newer "$T/then" \
    ! -type d ! -path '/run/cron*' ! -path '/run/systemd/*' | sort; }
sleep 0.1
: >"$T/then"

ok 'nothing to take back' auto --disable-autostart
ok 'an unknown system: 111' exits 111 auto --enable-autostart \
    --init-system upstart
ok 'a relative place: 100' exits 100 "$agent" --config here \
    --enable-autostart
ok 'a name that is none: 100' exits 100 auto --enable-autostart \
    --service '../x'
ok 'no trace of that' is "$(trace)" ''

# sysv: the script, its links, and start-stop-daemon.
ok 'sysv' auto --enable-autostart --init-system sysv
find /etc/init.d /etc/rc?.d "$s" -newer "$T/then" ! -type d | sort >"$T/one"
ok 'again' auto --enable-autostart --init-system sysv
find /etc/init.d /etc/rc?.d "$s" -newer "$T/then" ! -type d | sort >"$T/two"
ok 'makes the same' cmp "$T/one" "$T/two"
ok 'a cut update is mended before' grep -q '^	mend ' /etc/init.d/muster-agent
ok 'in the runlevels' test -h /etc/rc2.d/S01muster-agent
init=/etc/init.d/muster-agent
ok 'it starts' $init start
ok 'and runs' wait_for runs
ok 'status' $init status
ok 'a second start is no error' $init start
ok 'it stops' $init stop
ok 'really' gone
ok 'status: 3' exits 3 $init status
ok 'taken back' auto --disable-autostart
ok 'without a trace' is "$(trace)" ''
ok 'nor the receipt' test ! -e "$s/autostart.json"

# runit
ok 'runit' auto --enable-autostart --init-system runit --service-dir "$T/scan"
mends() { grep -Fq "'${agent%/*}/muster-updater' '--recover' '--no-start' \
'--state-dir' '$s'" "$1"; }
ok 'a cut update is mended before' mends "$s/service/muster-agent/run"
runsvdir "$T/scan" >/dev/null 2>&1 & sup=$!
ok 'runs the agent' wait_for runs
pid=$(muster-agent --state-dir "$s" --json status | jq .pid)
kill -9 "$pid"
ok 'and again when it was killed' wait_for runs
ok 'taken back' auto --disable-autostart --service-dir "$T/scan"
ok 'it has gone' gone
ok 'without a trace' is "$(trace)$(ls "$s/service" 2>/dev/null)" ''
kill $sup

# s6
ok 's6' auto --enable-autostart --init-system s6 --service-dir "$T/scan"
s6-svscan "$T/scan" >/dev/null 2>&1 & sup=$!
ok 'runs the agent' wait_for runs
ok 'taken back' auto --disable-autostart --service-dir "$T/scan"
ok 'it has gone' gone
kill $sup
wait $sup 2>/dev/null
rm -rf "$T/scan/.s6-svscan"
ok 'without a trace' is "$(trace)$(ls "$s/service" 2>/dev/null)" ''

# cron, which runs @reboot once after its start
ok 'cron' auto --enable-autostart --init-system cron
ok 'a line of root' grep -q '^@reboot root ' /etc/cron.d/muster-agent
ok 'a cut update is mended before' mends /etc/cron.d/muster-agent
cron -f & sup=$!
ok 'runs the agent' wait_for runs
ok 'taken back' auto --disable-autostart
ok 'without a trace' is "$(trace)" ''
muster-agent --state-dir "$s" stop
kill $sup
wait $sup 2>/dev/null

# Another system than before: what the first made goes.
ok 'cron first' auto --enable-autostart --init-system cron
ok 'then systemd' auto --enable-autostart --init-system systemd
ok 'and no cron' test ! -e /etc/cron.d/muster-agent
unit=/etc/systemd/system/muster-agent.service
ok 'the unit has the words' grep -q "^ExecStart=\"$agent\" \"--state-dir\"" \
    $unit
ok 'a cut update is mended before' grep -q \
    "^ExecStartPre=-\"${agent%/*}/muster-updater\" \"--recover\"" $unit
ok 'systemd accepts it' systemd-analyze verify --man=no $unit
ok 'it is wanted' test -h \
    /etc/systemd/system/multi-user.target.wants/muster-agent.service
ok 'taken back' auto --disable-autostart
ok 'without a trace' is "$(trace)" ''

# A user
chown nobody "$T" "$T/home"
user() { su -s /bin/sh nobody -c "HOME='$T/home' '$agent' --server \
    http://127.0.0.1:1 --web-listen none $*"; }
ok 'a user: cron' user --enable-autostart --init-system cron
ok 'a line of his table' says '^@reboot .*# muster: muster-agent$' \
    crontab -u nobody -l
user --enable-autostart --init-system cron 2>/dev/null
ok 'one' is "$(crontab -u nobody -l | grep -c muster-agent)" 1
ok 'his systemd' user --enable-autostart --init-system systemd
ok 'not in cron then' exits 1 crontab -u nobody -l
ok 'his unit' grep -q '^WantedBy=default.target' \
    "$T/home/.config/systemd/user/muster-agent.service"
ok 'taken back' user --disable-autostart
ok 'without a trace' is "$(trace)" ''
ok 'sysv is not for users' exits 111 user --enable-autostart \
    --init-system sysv
done_testing
