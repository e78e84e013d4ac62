#!/bin/sh
# An update on a disk that is full, and stays full: with no room at all, and
# with more and more, until it fits.  The agent and its state live on a small
# file system of their own.
# shellcheck disable=SC2154,SC2034
MUSTER_T_LIMIT=${MUSTER_T_LIMIT:-3600}
export MUSTER_T_LIMIT
. "${0%/*}/../lib.sh"
. "${0%/*}/../updater-cuts.sh"
mkdir "$T/disk"
mount -t tmpfs -o size=4k none "$T/disk" 2>/dev/null ||
    skip_all 'a file system cannot be mounted here'
umount "$T/disk"

# A disk just as large as the old agent, its state, and KB more.
# room KB VERSION: what an update does there.
room() {
	begin "$2"
	end_agents
	used=$(du -sk "$D" "$STATE" | awk '{ n += $1 } END { print n }')
	mount -t tmpfs -o "size=$((used + $1 + 16))k" none "$T/disk" || return 1
	mkdir "$T/disk/bin" "$T/disk/state"
	cp -p "$TARGET" "$T/disk/bin" && cp -p "$STATE"/* "$T/disk/state"
	mount --bind "$T/disk/bin" "$D" && mount --bind "$T/disk/state" "$STATE"
	("$TARGET" >"$T/first" 2>&1 &)
	wait_for lives || return 1
	update >"$T/cut" 2>&1
	return 0
}
leave_room() {
	end_agents
	umount -l "$STATE" "$D" "$T/disk" 2>/dev/null
}

at_end leave_room
size=$(du -k "$T/versions/good" | awk '{ print $1 }')
for kb in 0 4 8 12 16 20 24 28 32 64 128 256 512 1024 \
    $((size - 8)) "$size" $((size + 4)) $((size + 8)) $((size + 16)) \
    $((size + 64)) $((size + 512)); do
	room "$kb" good || ok "$kb KB of room: the old agent runs" false
	check_again "$kb KB of room"
	leave_room
done
print_table
ok 'one agent each time, and nothing left over' test "$failed" = 0
done_testing
