#!/bin/sh
# The units that make install puts: systemd accepts them, and the directory
# that the signing helper is given is one that its unit makes.
. "${0%/*}/lib.sh"

command -v systemd-analyze >/dev/null || skip_all 'no systemd-analyze'
mkdir "$T/units"
for u in "$TOP"/scripts/systemd/*; do
	sed "s,@PREFIX@/bin,$BIN," "$u" >"$T/units/${u##*/}"
done
for u in "$T"/units/*; do
	ok "systemd accepts ${u##*/}" is "$(SYSTEMD_UNIT_PATH=$T/units: \
	    systemd-analyze verify --man=no "$u" 2>&1 |
	    grep -F "$T/units")" ''
done
value() { sed -n "s/^$2=//p" "$T/units/$1"; }
dir=$(value muster-sign.service ExecStart | sed 's/.*--work-dir //')
ok 'the work directory is there before the helper' grep -Eq \
    "^StateDirectory=.*${dir#/var/lib/}( |$)" "$T/units/muster-sign.service"
ok 'it is in the state that both share' is \
    "$(value muster-buildsrv.service StateDirectory)/work" \
    "${dir#/var/lib/}"
ok 'the socket is that of the service' test -e \
    "$T/units/$(basename "$T"/units/*.socket .socket).service"
done_testing
