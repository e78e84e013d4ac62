#!/bin/sh
# platform_windows*.c, built by the cross compiler and run under Wine.
. "${0%/*}/lib.sh"
tc=${TOOLCHAIN_DIR:-$TOP/build/toolchain}/windows-x64
[ -f "$tc/flags.mk" ] || skip_all 'no toolchain for windows-x64'
PATH=$PATH:/usr/lib/wine
command -v wine64 >/dev/null || skip_all 'no wine64'
HOME=$T/home WINEPREFIX=$T/wine WINEDEBUG=-all
export HOME WINEPREFIX WINEDEBUG
mkdir -p "$HOME" "$T/d"

flags() { sed -n "s/^$1 := //p" "$tc/flags.mk"; }
# shellcheck disable=SC2046	# the flags are words
"$tc/bin/cc" -std=c11 -O1 -D_GNU_SOURCE $(flags TC_CFLAGS) \
    -I"$TOP/common" -I"$TOP/t/unit" -o "$T/p.exe" $(flags TC_LDFLAGS) \
    "$TOP/t/platform-windows.c" "$TOP"/common/platform_windows*.c \
    "$TOP/common/buf.c" "$TOP/common/log.c" "$TOP/common/clock.c" \
    $(flags TC_LIBS) >"$T/cc" 2>&1 || {
	cat "$T/cc" >&2
	exit 1
}
memory=$(awk '/^MemTotal/{printf "%.0f", $2 * 1024}' /proc/meminfo)
# The first start of Wine makes its prefix, and takes seconds.
ok 'every property holds' wine64 "$T/p.exe" "Z:$T/d" "$memory" \
    "$(getconf _NPROCESSORS_ONLN)"
sed 's/^/# /' "$T/.out"
ok 'the private directory is closed to others' \
    is "$(stat -c %A "$T/d/a/b" | cut -c 8-)" '---'
wineserver -k 2>/dev/null
done_testing
