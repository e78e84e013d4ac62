#!/bin/sh
# muster-stamp on real PE and Mach-O files, as far as linkers are here; the
# unit test has hand-made ones in any case.
. "${0%/*}/lib.sh"

command -v clang >/dev/null || skip_all 'no clang to make PE and Mach-O files'
llvm=$(dirname "$(readlink -f "$(command -v clang)")")
lld_link=$(command -v lld-link || echo "$llvm/lld-link")
ld64=$(command -v ld64.lld || echo "$llvm/ld64.lld")
for linker in "$lld_link" "$ld64"; do
	[ -x "$linker" ] || skip_all 'no lld to make PE and Mach-O files'
done

cat >"$T/x.c" <<'END'
#include "stamp.h"
__attribute__((section(STAMP_SECTION), used, aligned(4096)))
volatile const struct stamp_block stamp = STAMP_BLOCK_INIT;
int start(void);
int start(void) { return stamp.length[0]; }
END
echo '{"server":"wss://127.0.0.1/ws/agent"}' >"$T/c.json"

# object TRIPLE
object() {
	clang -target "$1" -ffreestanding -I"$TOP/common" -c "$T/x.c" \
	    -o "$T/x.o"
}

round_trip() {
	muster-stamp -c "$T/c.json" "$1" "$1.out" &&
	muster-stamp --read "$1.out" >"$T/back.json" &&
	cmp "$T/c.json" "$T/back.json" &&
	is "$(stat -c %s "$1.out")" "$(stat -c %s "$1")"
}

for arch in x86_64 aarch64; do
	object $arch-pc-windows-gnu
	"$lld_link" /entry:start /subsystem:console /nodefaultlib \
	    "/out:$T/$arch.exe" "$T/x.o"
	ok "PE $arch" round_trip "$T/$arch.exe"
	pe=$(od -An -tu4 -j 60 -N 4 "$T/$arch.exe.out")
	ok 'TimeDateStamp is zero' is \
	    "$(od -An -tu4 -j $((pe + 8)) -N 4 "$T/$arch.exe.out" |
		tr -d ' ')" 0
done
for arch in x86_64 arm64; do
	object $arch-apple-macos11
	"$ld64" -arch $arch -platform_version macos 11 11 -e _start \
	    -o "$T/$arch" "$T/x.o"
	ok "Mach-O $arch" round_trip "$T/$arch"
done

# Every page hash of the linker's ad-hoc signature (Apple's code directory,
# big endian) against sha256sum.
be32() {
	# shellcheck disable=SC2046
	set -- $(od -An -tu1 -j "$2" -N 4 "$1")
	echo $((($1 << 24) + ($2 << 16) + ($3 << 8) + $4))
}

bad_pages() {
	dir=$(grep -obUaP '\xfa\xde\x0c\x02' "$1" | tail -n 1)
	dir=${dir%%:*}
	hashes=$((dir + $(be32 "$1" $((dir + 16)))))
	pages=$(be32 "$1" $((dir + 28)))
	limit=$(be32 "$1" $((dir + 32)))
	size=$((1 << $(od -An -tu1 -j $((dir + 39)) -N 1 "$1")))
	bad=0
	page=0
	while [ $page -lt "$pages" ]; do
		got=$(head -c "$limit" "$1" | tail -c +$((page * size + 1)) |
		    head -c $size | sha256sum)
		want=$(od -An -v -tx1 -j $((hashes + 32 * page)) -N 32 "$1" |
		    tr -d ' \n')
		[ "${got%% *}" = "$want" ] || bad=$((bad + 1))
		page=$((page + 1))
	done
	echo "$bad of $pages"
}

was=$(bad_pages "$T/arm64")
ok 'the linker signed the arm64 template' is "${was%% *}" 0
ok 'and the signature fits the stamped one' \
	is "$(bad_pages "$T/arm64.out")" "$was"
done_testing
