#!/bin/sh
# install.sh puts the agent into place and uninstall.sh removes just that.
. "${0%/*}/lib.sh"
. "${0%/*}/pipeline-lib.sh"

sample_agent "$T/probe" || skip_all 'no static C compiler'
sample_source
MUSTER_UNSIGNED=1
export MUSTER_UNSIGNED
new_job "$T/job"
ok 'there is a package' build "$T/job"
mkdir "$T/un" "$T/root"
tar -xzf "$T"/job/*.tar.gz -C "$T/un" --strip-components=1
DESTDIR=$T/root
export DESTDIR
mkdir -p "$T/root/etc" "$T/root/var/lib"
echo other >"$T/root/etc/other"
(cd "$T/root" && find . | sort) >"$T/before"
now() { (cd "$T/root" && find . | sort); }

ok 'it installs' "$T/un/install.sh"
ok 'the program' cmp "$T/un/muster-agent" "$T/root/usr/local/bin/muster-agent"
ok 'executable' test -x "$T/root/usr/local/bin/muster-agent"
ok 'the updater beside it' cmp "$T/un/muster-updater" \
	"$T/root/usr/local/bin/muster-updater"
ok 'executable, too' test -x "$T/root/usr/local/bin/muster-updater"
unit=$T/root/etc/systemd/system/muster-agent.service
ok 'the unit, with its place' grep -qx \
	'ExecStart=/usr/local/bin/muster-agent' "$unit"
ok 'which mends a cut update first' grep -qx \
	'ExecStartPre=-/usr/local/bin/muster-updater --recover --no-start' \
	"$unit"
init=$T/root/etc/init.d/muster-agent
ok 'the init script, with its place' grep -qx \
	'daemon=/usr/local/bin/muster-agent' "$init"
ok 'which is sh' sh -n "$init"
ok 'private state' is "$(stat -c %a "$T/root/var/lib/muster")" 700
if command -v systemd-analyze >/dev/null; then
	cp "$unit" "$T/check.service"
	sed -i 's|^ExecStart=.*|ExecStart=/bin/true|' "$T/check.service"
	ok 'systemd accepts the unit' \
	    systemd-analyze verify --man=no "$T/check.service"
fi

manifest=$T/root/usr/local/lib/muster-agent/manifest
cp "$manifest" "$T/manifest"
now >"$T/after"
ok 'it installs again' "$T/un/install.sh"
now >"$T/again"
ok 'with the same files' cmp "$T/after" "$T/again"
ok 'and forgets no directory that it made' is "$(sort "$manifest")" \
	"$(sort "$T/manifest")"

echo kept >"$T/root/var/lib/muster/config.json"
ok 'it goes' "$T/root/usr/local/lib/muster-agent/uninstall.sh"
ok 'state stays' test -s "$T/root/var/lib/muster/config.json"
rm -r "$T/root/var/lib/muster"
now >"$T/after"
ok 'and nothing else' cmp "$T/before" "$T/after"

"$T/un/install.sh" >"$T/log"
echo gone >"$T/root/var/lib/muster/config.json"
echo mine >"$T/root/usr/local/lib/muster-agent/mine"
"$T/root/usr/local/lib/muster-agent/uninstall.sh" --purge >"$T/log"
ok 'with --purge state goes too' test ! -e "$T/root/var/lib/muster"
ok "others' files stay" test -e "$T/root/usr/local/lib/muster-agent/mine"
rm -r "$T/root/usr"

mkdir -p "$T/root/var/lib/muster"
echo theirs >"$T/root/var/lib/muster/data"
PREFIX=/opt/muster "$T/un/install.sh" >"$T/log"
ok 'PREFIX moves it' test -x "$T/root/opt/muster/bin/muster-agent"
ok 'and the unit knows' grep -qx 'ExecStart=/opt/muster/bin/muster-agent' \
	"$unit"
PREFIX=/opt/muster "$T/un/uninstall.sh" --purge >"$T/log"
ok 'a state directory that was there before is never purged' \
	test -s "$T/root/var/lib/muster/data"
ok 'the rest goes' test ! -e "$T/root/opt"
ok 'a prefix that no unit can hold' exits 1 env PREFIX='/a b' "$T/un/install.sh"
ok 'an unknown option' exits 100 "$T/un/install.sh" --all

DESTDIR=$T/image/new "$T/un/install.sh" >"$T/log"
ok 'a DESTDIR that is not there yet is made' \
	test -x "$T/image/new/usr/local/bin/muster-agent"

for file in muster-agent muster-updater install.sh BUILD muster-agent.service; do
	cp "$T/un/$file" "$T/whole"
	printf x >>"$T/un/$file"
	ok "a changed $file is refused" exits 1 "$T/un/install.sh"
	ok 'by name of the check' says 'checksum: a file' "$T/un/install.sh"
	cp "$T/whole" "$T/un/$file"
done
now >"$T/after"
ok 'and nothing was installed' exits 1 grep -q bin/muster-agent "$T/after"
done_testing
