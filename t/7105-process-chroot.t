#!/bin/sh
# In a chroot the paths of programs begin at the module's own root, so that it
# finds their files.
# shellcheck disable=SC2154	# set by module-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/module-lib.sh"
command -v jq >/dev/null || skip_all 'no jq'
[ "$(id -u)" = 0 ] || skip_all 'needs root'

# The whole machine again, bound to a directory in mounts of our own.
if [ -z "${IN_CHROOT:-}" ]; then
	mkdir "$T/root"
	unshare -m true 2>/dev/null || skip_all 'no mount namespaces here'
	# shellcheck disable=SC2016	# for the inner shell
	IN_CHROOT=1 unshare -m sh -c '
		mount --rbind / "$1" && exec chroot "$1" sh "$2/t/${3##*/}"
	' sh "$T/root" "$TOP" "$0"
	exit $?
fi

cp /bin/true "$T/probe"
sum=$(sha256sum <"$T/probe")
module process-monitor '{"source":"ebpf"}'
source_is ebpf || skip_all 'no eBPF here'
"$T/probe"
ok 'the path is as it is seen from the chroot' wait_for seen exec \
    ".exe == \"$T/probe\""
ok 'and the file is found by it' seen exec \
    ".exe == \"$T/probe\" and .sha256 == \"${sum%% *}\""
stop
done_testing
