#!/bin/sh
# Stops the agent and removes what install.sh made, by its manifest, and no
# other file.  State and logs stay, unless --purge is given and install.sh
# made their directories (where other muster tools live, it did not).
#
#	uninstall.sh [--purge]
#	PREFIX=/opt/muster uninstall.sh
#	DESTDIR=/mnt/image uninstall.sh		# files only, nothing stopped
set -eu

PREFIX=${PREFIX:-}
DESTDIR=${DESTDIR:-}
purge=no
name=muster-agent

die() {
	echo "uninstall.sh: $*" >&2
	exit 1
}

for arg; do
	case $arg in
	--purge) purge=yes ;;
	*) echo 'usage: [PREFIX=DIR] [DESTDIR=DIR] uninstall.sh [--purge]' >&2
		exit 100 ;;
	esac
done
[ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || die 'must be run by root'

here=$(cd "${0%/*}" && pwd)
if [ -n "$PREFIX" ]; then
	manifest=$DESTDIR$PREFIX/lib/$name/manifest
elif [ -f "$here/manifest" ]; then
	manifest=$here/manifest
else
	manifest=$DESTDIR/usr/local/lib/$name/manifest
fi
[ -f "$manifest" ] || die "$manifest: not there: nothing is installed"
list=$(cat "$manifest")

# each KIND COMMAND: runs it with every path of that kind, last made first.
each() {
	printf '%s\n' "$list" | sed '1!G;h;$!d' |
	while IFS='	' read -r kind path; do
		[ "$kind" != "$1" ] || "$2" "$DESTDIR$path"
	done
}

stop() {
	if [ -d /run/systemd/system ]; then
		systemctl --quiet disable --now $name || :
	elif [ -x /etc/init.d/$name ]; then
		/etc/init.d/$name stop || :
		if command -v chkconfig >/dev/null; then
			chkconfig --del $name || :
		fi
	fi
}

remove_file() {
	rm -f "$1"
}

# A directory that others have put something in stays.
remove_dir() {
	rmdir "$1" 2>/dev/null || :
}

# A build server keeps its own state, and its store, in the same place.
remove_state() {
	if [ $purge = yes ] && [ ! -e "$1/store" ]; then
		rm -rf "$1"
	elif [ -d "$1" ] && ! rmdir "$1" 2>/dev/null; then
		echo "$1 stays"
	fi
}

[ -n "$DESTDIR" ] || stop
each file remove_file
each state remove_state
each dir remove_dir
if [ -z "$DESTDIR" ]; then
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
	elif command -v update-rc.d >/dev/null; then
		update-rc.d $name remove >/dev/null
	fi
fi
echo "removed $name"
