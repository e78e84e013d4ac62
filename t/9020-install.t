#!/bin/sh
# What `make install` leaves works by itself, and `make uninstall` leaves no
# file behind.
. "${0%/*}/lib.sh"

inst=$T/root/opt/m
ok 'make install' make -C "$TOP" install "DESTDIR=$T/root" PREFIX=/opt/m
PATH=$inst/bin:$inst/lib/muster:/usr/bin:/bin:/usr/sbin:/sbin
MUSTER_BIN=$inst/bin
export MUSTER_BIN
at_end "$TOP/scripts/testbed --stop $T/srv"
ok 'a server starts from there' testbed "$T/srv"
testbed "$T/srv" >"$T/env"
. "$T/env"
ok 'it compiles, signs and hands out an agent' muster build --os linux \
    --arch x64 -o "$T/a.tar.gz"
ok 'which is whole' tar -tzf "$T/a.tar.gz"
ok 'man finds the pages' test -s "$inst/share/man/man8/muster-agent.8"
ok 'the units name the place' grep -q "^ExecStart=/opt/m/bin/" \
    "$inst/lib/systemd/system/muster-buildsrv.service"
testbed --stop "$T/srv"
ok 'make uninstall' make -C "$TOP" uninstall "DESTDIR=$T/root" PREFIX=/opt/m
ok 'nothing is left' is "$(find "$T/root" -type f -o -type l)" ''
done_testing
