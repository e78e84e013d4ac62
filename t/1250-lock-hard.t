#!/bin/sh
# What robs other locks of their sense: a full disk, a PID that comes again,
# another clock.
. "${0%/*}/lib.sh"

[ "$(id -u)" = 0 ] || skip_all 'needs root'
unshare -m true 2>/dev/null || skip_all 'no mount namespaces here'

# In its own mount namespace: a disk of 64 kB that is full.
cat >"$T/full" <<'END'
set -eu
mount -t tmpfs -o size=64k none "$1"
: >"$1/old"
muster-lock "$1/l" true
dd if=/dev/zero of="$1/fill" bs=4k 2>/dev/null || :
! echo x >"$1/more" 2>/dev/null || [ ! -s "$1/more" ]
muster-lock "$1/l" sh -c "! muster-lock -n '$1/l' true && echo held"
muster-lock -n "$1/l" echo free
muster-lock -n "$1/new" echo new
END
mkdir "$T/disk"
unshare -m sh "$T/full" "$T/disk" >"$T/out" 2>"$T/err"
ok 'on a full disk it is held' grep -qx held "$T/out"
ok 'and free again' grep -qx free "$T/out"
ok 'a new file too' grep -qx new "$T/out"
ok 'that it has no record is told' grep -q 'cannot write the record' "$T/err"

# In a PID namespace of its own the next PID can be chosen.
cat >"$T/pids" <<'END'
set -eu
mount -t proc none /proc
muster-lock -F "$1/p" sleep 60 & holder=$!
until muster-lock --status "$1/p" | grep -q "^pid	$holder"; do sleep .05; done
kill -9 $holder
wait $holder 2>/dev/null || :
sleep .05		# a start is told to 10 ms: ours shall not be the same
for i in 1 2 3 4 5 6 7 8 9 10; do
	echo $((holder - 1)) >/proc/sys/kernel/ns_last_pid
	sleep 60 & again=$!
	[ $again != $holder ] || break
	kill $again
done
echo "again $((again == holder))"
muster-lock --status "$1/p" | sed -n 's/^state	//p; s/^alive	/alive /p'
muster-lock -n "$1/p" echo taken
kill $again
END
unshare -mpf sh "$T/pids" "$T" >"$T/out" 2>"$T/err"
ok 'another process has the PID' grep -qx 'again 1' "$T/out"
ok 'the lock is stale' grep -qx stale "$T/out"
ok 'its process gone' grep -qx 'alive no' "$T/out"
ok 'and it is taken' grep -qx taken "$T/out"

# A holder and a taker who see other clocks (uptime a day apart).
# shellcheck disable=SC2016,SC2034
if unshare -T --boottime 86400 true 2>/dev/null; then
	muster-lock -F "$T/c" sleep 60 & holder=$!
	at_end 'kill $holder 2>/dev/null; wait $holder 2>/dev/null'
	wait_for muster-lock --status "$T/c"
	ok 'another clock robs nobody' exits 1 unshare -T --boottime 86400 \
	    --monotonic 86400 muster-lock -n "$T/c" true
	ok 'nor clears the record' exits 1 unshare -T --boottime 86400 \
	    muster-lock --steal-stale "$T/c"
	ok 'it is held' exits 0 unshare -T --boottime 86400 \
	    muster-lock --status "$T/c"
fi
done_testing
