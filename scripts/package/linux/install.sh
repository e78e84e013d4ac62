#!/bin/sh
# Installs the agent that lies beside this script, as a service: systemd's
# where systemd runs, else an init script.  Run again it replaces what is
# there, and starts it anew.  Every path that it makes is written to the
# manifest, by which uninstall.sh removes just these.
#
#	./install.sh [--no-start]
#	PREFIX=/opt/muster ./install.sh
#	DESTDIR=/mnt/image ./install.sh		# files only, nothing started
set -eu
umask 022

PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR:-}
start=yes
name=muster-agent

die() {
	echo "install.sh: $*" >&2
	exit 1
}

for arg; do
	case $arg in
	--no-start) start=no ;;
	*)
		echo 'usage: install.sh [--no-start]' >&2
		exit 100 ;;
	esac
done
case $PREFIX in
/*) ;;
*) die "PREFIX: $PREFIX: must begin with a slash" ;;
esac
# shellcheck disable=SC1003
case $PREFIX in
*[\ '	"'\'\\\|\&%\$]*)
	die "PREFIX: $PREFIX: a character that a unit cannot hold" ;;
esac
[ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] || die 'must be run by root'
cd "${0%/*}"

sha256sum -c --quiet SHA256SUMS >&2 ||
	die 'checksum: a file of this package was changed; nothing is installed'
if [ -z "$DESTDIR" ]; then
	./$name --self-test >&2 ||
		die "$name does not run on this machine; nothing is installed"
fi

lib=$PREFIX/lib/$name
manifest=$lib/manifest
made=

# made KIND PATH: remembers what uninstall.sh is to remove.
made() {
	made="$made$1	$2
"
}

# dir PATH: makes it and what is missing above it.
dir() {
	[ ! -d "$DESTDIR$1" ] || return 0
	case $1 in
	/*/*) dir "${1%/*}" ;;
	esac
	mkdir "$DESTDIR$1"
	made dir "$1"
}

# file MODE SOURCE PATH: complete or not at all, and over a running program.
file() {
	dir "${3%/*}"
	sed_or_copy "$2" >"$DESTDIR$3.new"
	chmod "$1" "$DESTDIR$3.new"
	mv -f "$DESTDIR$3.new" "$DESTDIR$3"
	made file "$3"
}

# Service files name the place of the program.
sed_or_copy() {
	case $1 in
	*.service|*.init) sed "s|@BINDIR@|$PREFIX/bin|g; s| *@ARGS@||" "$1" ;;
	*) cat "$1" ;;
	esac
}

# Directories that an earlier run made are still ours.
keep_dirs() {
	[ -f "$DESTDIR$manifest" ] || return 0
	while IFS='	' read -r kind path; do
		case $kind in
		dir|state) made "$kind" "$path" ;;
		esac
	done <"$DESTDIR$manifest"
}

service_kind() {
	if [ -n "$DESTDIR" ]; then
		echo both
	elif [ -d /run/systemd/system ]; then
		echo systemd
	else
		echo init
	fi
}

start_systemd() {
	systemctl daemon-reload
	systemctl --quiet enable $name
	[ $start = no ] || systemctl restart $name
}

start_init() {
	if command -v update-rc.d >/dev/null; then
		update-rc.d $name defaults >/dev/null
	elif command -v chkconfig >/dev/null; then
		chkconfig --add $name
	else
		echo "install.sh: no update-rc.d and no chkconfig here:" \
		    "call /etc/init.d/$name start at boot yourself" >&2
	fi
	[ $start = no ] || /etc/init.d/$name restart
}

[ -z "$DESTDIR" ] || mkdir -p "$DESTDIR"
keep_dirs
for state in /var/lib/muster /var/log/muster; do
	[ ! -d "$DESTDIR$state" ] || continue
	dir "${state%/*}"
	mkdir -m 700 "$DESTDIR$state"
	made state "$state"
done
file 755 $name "$PREFIX/bin/$name"
file 755 muster-updater "$PREFIX/bin/muster-updater"
file 755 uninstall.sh "$lib/uninstall.sh"
file 644 README "$lib/README"
file 644 BUILD "$lib/BUILD"
kind=$(service_kind)
[ "$kind" = init ] ||
	file 644 $name.service "/etc/systemd/system/$name.service"
[ "$kind" = systemd ] || file 755 $name.init "/etc/init.d/$name"
made file "$manifest"
printf '%s' "$made" >"$DESTDIR$manifest"

case $kind in
systemd) start_systemd ;;
init) start_init ;;
esac
echo "installed $PREFIX/bin/$name; $lib/uninstall.sh removes it"
