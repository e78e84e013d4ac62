# For the shell tests: . "${0%/*}/lib.sh" makes $T (a private directory that
# goes at the end), finds the tools, and gives the words below.
# shellcheck shell=sh
set -u
# Each test has an end, and its signals as they are by default: a runner such
# as nohup(1) leaves some ignored, which a shell cannot undo.
if [ -z "${MUSTER_T_STARTED:-}" ]; then
	MUSTER_T_STARTED=1
	export MUSTER_T_STARTED
	exec timeout -k 10 "${MUSTER_T_LIMIT:-300}" \
	    env --default-signal=HUP,INT,TERM,PIPE sh "$0" "$@"
fi
unset MUSTER_T_STARTED
case $0 in
*torture/*) TOP=$(cd "${0%/*}/../.." && pwd) ;;
*)	TOP=$(cd "${0%/*}/.." && pwd) ;;
esac
BIN=${MUSTER_BIN:-$TOP/build/bin}
PATH=$BIN:$TOP/scripts:$PATH
LC_ALL=C
export PATH LC_ALL
T=$(mktemp -d "${TMPDIR:-/tmp}/muster-t.XXXXXX")
unset MUSTER_SERVER MUSTER_API_KEY MUSTER_SOCKET
CLEANUP=
cleanup() {
	[ -z "$CLEANUP" ] || eval "$CLEANUP"
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

count=0
failed=0

# at_end COMMAND...: run it before the directory goes, last one first.
at_end() { CLEANUP="$* ; $CLEANUP"; }

# ok TITLE COMMAND...: passes when the command succeeds; shows its output
# when it does not, and then that of $ON_FAILURE, which a runner that shows no
# more than what failed shows as well.
ON_FAILURE=
ok() {
	title=$1
	shift
	count=$((count + 1))
	if "$@" >"$T/.out" 2>&1; then
		echo "ok $count - $title"
	else
		rc=$?
		failed=1
		echo "not ok $count - $title"
		echo "# exit $rc from: $*"
		sed 's/^/# /' "$T/.out" | head -n 40
		[ -z "$ON_FAILURE" ] || { echo "not ok $count - $title"
			$ON_FAILURE 2>&1; } | sed 's/^/# /' >&2
	fi
}

# exits CODE COMMAND...: succeeds when the command ends with just that code.
exits() {
	want=$1
	shift
	got=0
	"$@" || got=$?
	[ "$got" = "$want" ] && return 0
	echo "wanted exit $want, got $got"
	return 1
}

# says PATTERN COMMAND...: succeeds when stdout or stderr matches (grep -E),
# whatever the exit code.
says() {
	pattern=$1
	shift
	"$@" >"$T/.says" 2>&1 || :
	cat "$T/.says"
	grep -Eq -- "$pattern" "$T/.says"
}

# is GOT WANT
is() {
	[ "$1" = "$2" ] && return 0
	echo "got:    $1"
	echo "wanted: $2"
	return 1
}

# wait_for COMMAND...: until it succeeds, at most WAIT (20) seconds.
wait_for() {
	end=$(($(date +%s) + ${WAIT:-20}))
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.05
	done
}

# unit_server NAME: $server is the unit test NAME.t, which is a server when it
# is told to serve.
unit_server() {
	for server in "$BIN/../obj/t/$1.t" "$BIN/../t/$1.t"; do
		[ ! -x "$server" ] || return 0
	done
	skip_all "$1.t, whose server this needs, is not built"
}

# npm_install PACKAGE: into $T, where node looks for it.
npm_install() {
	for tool in node npm; do
		command -v "$tool" >/dev/null || skip_all "no $tool"
	done
	npm install --prefix "$T" --no-audit --no-fund --loglevel=error \
	    "$1" >"$T/npm" 2>&1 ||
		skip_all "npm cannot install $1: $(tail -n 1 "$T/npm")"
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

done_testing() {
	echo "1..$count"
	exit "$failed"
}
