#!/bin/sh
# The agent for other systems, as far as this machine can run it: arm64 under
# qemu, Windows under Wine. `make cross` builds it; what is missing is said.
. "${0%/*}/lib.sh"

cross=${MUSTER_CROSS:-$TOP/build/target}
agent() { find "$cross/$1" -name muster-agent -o -name muster-agent.exe \
    2>/dev/null | head -n 1; }
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }

# tries TARGET FORMAT RUNNER...
tries() {
	target=$1 format=$2
	shift 2
	file=$(agent "$target")
	if [ -z "$file" ]; then
		skip "$target" 'not built (make cross)'
		return
	fi
	ok "$target: of its format" says "$format" file "$file"
	if [ $# -eq 0 ]; then
		skip "$target: runs" 'nothing here can run it'
	elif ! command -v "$1" >/dev/null; then
		skip "$target: runs" "$1 is not installed"
	else
		ok "$target: --version" says 'muster-agent [0-9]' \
		    "$@" "$file" --version
		ok "$target: --show-config" says '^heartbeat' \
		    "$@" "$file" --show-config
		ok "$target: --self-test" exits 0 "$@" "$file" --self-test
	fi
}

HOME=$T/home WINEPREFIX=$T/wine WINEDEBUG=-all
export HOME WINEPREFIX WINEDEBUG
mkdir -p "$HOME"
PATH=$PATH:/usr/lib/wine
tries linux-x64 'ELF 64-bit.*x86-64.*static' env
tries linux-arm64 'ELF 64-bit.*aarch64.*static' qemu-aarch64-static
tries windows-x64 'PE32\+.*x86-64' wine64
tries windows-arm64 'PE32\+.*Aarch64'
tries macos-x64 'Mach-O 64-bit x86_64'
tries macos-arm64 'Mach-O 64-bit arm64'
done_testing
