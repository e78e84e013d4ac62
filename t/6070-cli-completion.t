#!/bin/sh
# bash completion: every command, every option, and what the server knows.
. "${0%/*}/lib.sh"
command -v bash >/dev/null || skip_all 'no bash'

at_end "testbed --stop $T/srv"
testbed "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
. "$T/env"
cat >"$T/complete" <<'END'
. "$1"; shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_muster
printf '%s\n' "${COMPREPLY[@]}"
END
# completes WORD...: what the last one may be, on a line.
completes() {
	bash "$T/complete" "$TOP/scripts/completion/muster" "$@" 2>&1 |
	    sort | tr '\n' ' ' | sed 's/ $//'
}

commands=$(muster --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
ok 'it is bash' bash -n "$TOP/scripts/completion/muster"
# shellcheck disable=SC2016
echo '. "$1" && complete -p muster' >"$T/source"
ok 'bash knows it by its name' bash "$T/source" \
    "$TOP/scripts/completion/muster"
ok 'all commands are offered' is "$(completes muster '')" \
    "$(printf '%s\n' "$commands" help --help --version | sort |
    tr '\n' ' ' | sed 's/ $//')"
ok 'a part of one is completed' is "$(completes muster down)" \
    'download downloads'
for c in $commands; do
	# All long options that --help lists, and nothing else.
	ok "all options of $c" is \
	    "$(completes muster "$c" -- | tr ' ' '\n' | grep '^--')" \
	    "$(muster "$c" --help | sed -n \
	    's/^ *\(-[a-z], \)\{0,1\}\(--[a-z-]*\).*/\2/p' | sort)"
done
ok 'values of an option' is "$(completes muster build --os '')" \
    'linux macos windows'
ok 'a part of one' is "$(completes muster build --os m)" macos
ok 'behind an equals sign' is "$(completes muster build --arch = x)" x64
ok 'at once behind it' is "$(completes muster build --arch =)" \
    'arm64 universal x64'
ok 'capabilities' is "$(completes muster build -c f)" fileSystemMonitoring
ok 'types of events' is "$(completes muster webhook add x -e buildJobF)" \
    buildJobFailed
ok 'a value that nobody knows is left alone' is \
    "$(completes muster build -n '')" ''
ok 'verbs of account' is "$(completes muster account '')" \
    'add disable enable list rotate show workspaces'
ok 'and its names' is "$(completes muster account show '')" admin
ok 'verbs of webhook' is "$(completes muster webhook r)" remove
ok 'commands behind help' is "$(completes muster help ag)" agents

id=$(muster build --os linux --arch x64 2>/dev/null)
muster cancel "$id" 2>/dev/null
gone() { [ "$(muster jobs | cut -f 2)" = cancelled ]; }
wait_for gone
ok 'ids of jobs' is "$(completes muster job '')" "$id"
ok 'also behind an option' is "$(completes muster logs -f '')" "$id"
ok 'by what can be done with them: delete' is \
    "$(completes muster delete '')" "$id"
ok 'but not cancel' is "$(completes muster cancel '')" ''
ok 'nor download' is "$(completes muster download '')" ''
ok 'a server that is not there offers nothing' is \
    "$(MUSTER_SERVER=http://127.0.0.1:1 completes muster job '')" ''
done_testing
