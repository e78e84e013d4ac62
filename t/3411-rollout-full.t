#!/bin/sh
# On a full disk a rollout that cannot be written does not begin.
# shellcheck disable=SC2154	# set by the libraries
. "${0%/*}/lib.sh"
[ "$(id -u)" = 0 ] || skip_all 'needs root'
if [ -z "${IN_MOUNT:-}" ]; then	# $T on a small disk
	unshare -m true 2>/dev/null || skip_all 'no mount namespaces here'
	# shellcheck disable=SC2016	# for the inner shell
	TMPDIR=$T IN_MOUNT=1 unshare -m sh -c '
		mount -t tmpfs -o size=64m none "$TMPDIR" && exec sh "$0"
	' "$0"
	exit $?
fi
. "${0%/*}/api-lib.sh"
. "${0%/*}/tuf-lib.sh"
. "${0%/*}/updater-cuts.sh"
. "${0%/*}/rollout-lib.sh"

server
echo one >"$T/file"
ok 'a version is released' put "$T/file" 1.0.0
dd if=/dev/zero of="$T/fill" bs=64k 2>/dev/null
ok 'the disk is full: it is not begun' exits 111 muster rollout start 1.0.0
rm "$T/fill"
ok 'and there is none' is "$(muster rollout list)" ''
ok 'with room it is' muster rollout start 1.0.0
ok 'and there is one' is "$(muster rollout list | wc -l)" 1
done_testing
