#!/bin/sh
# Every tool: wrong flags and values end with the usage line and exit code
# 100, --help and --version with 0 on stdout.
. "${0%/*}/lib.sh"

usage_100() {
	rc=0
	"$@" >"$T/out" 2>"$T/err" </dev/null || rc=$?
	cat "$T/out" "$T/err"
	[ "$rc" = 100 ] && grep -q '^usage: ' "$T/err" && [ ! -s "$T/out" ]
}
helps() {
	"$@" >"$T/out" 2>"$T/err" </dev/null || return 1
	[ -s "$T/out" ] && [ ! -s "$T/err" ]
}

commands=$(muster --help | sed -n 's/^  \([a-z]*\)  .*/muster,\1/p')
ok 'muster names its commands' test "$(echo "$commands" | wc -l)" -ge 19
for tool in muster-buildsrv muster-sign muster-stamp muster-agent \
    muster-updater muster-lock $commands; do
	tool=$(echo "$tool" | tr , ' ')
	# shellcheck disable=SC2086
	{
	ok "$tool --nonsense" usage_100 $tool --nonsense
	ok "$tool -?" usage_100 $tool '-?'
	ok "$tool --help" helps $tool --help
	ok "$tool --version" helps $tool --version
	}
done
for c in $commands; do
	c=${c#muster,}
	ok "muster help $c" helps muster help "$c"
	ok "the page has $c" grep -q "^\.Cm $c" "$TOP/man/muster.1"
done
unpaged() {
	"$@" --help | sed -n 's/^ *\(-[a-z], \)\{0,1\}--\([a-z-]*\).*/\2/p' |
	    grep -vxE '(state|run|log)-dir|version' | while read -r o; do
		sed 's/\\//g' "$TOP/man/muster.1" |
		    grep -Eq -- "(Fl|,) -$o( |\$)" || echo "--$o"
	done
}
for c in $commands; do
	ok "the page has all options of ${c#muster,}" is \
	    "$(unpaged muster "${c#muster,}")" ''
done
ok 'muster help' helps muster help
ok 'help for what there is not' usage_100 muster help dance
for c in job why logs cancel delete download revoke account webhook \
    'account add' 'account disable' 'account dance' 'account add a b' \
    'webhook add' 'webhook show' 'webhook dance'; do
	# shellcheck disable=SC2086
	ok "muster $c, with what it needs missing" usage_100 muster $c
done
for c in job why logs cancel delete; do
	ok "muster $c with an id that is none" exits 100 muster $c '../etc'
done
ok 'an idempotency key with a line end' usage_100 muster build --os linux \
    --arch x64 --idempotency-key 'a
b'
ok 'or with nothing' usage_100 muster build --os linux --arch x64 \
    --idempotency-key ''
ok 'a priority that is out of range' usage_100 muster build --os linux \
    --arch x64 --priority 11
ok 'muster alone' usage_100 muster
ok 'muster with an unknown command' usage_100 muster dance
ok 'a flag without its value' usage_100 muster-buildsrv --listen
ok 'a number that is none' usage_100 muster-buildsrv -j many
ok 'a number out of range' usage_100 muster-buildsrv -j 0
ok 'a time that is none' usage_100 muster-buildsrv --build-timeout soon
ok 'the environment is checked too, and named' \
    says 'MAX_CONCURRENT_BUILDS: .x.' env MAX_CONCURRENT_BUILDS=x \
    muster-buildsrv
echo '{"listen":["127.0.0.1:1"],"wat":1}' >"$T/c.json"
ok 'a file is checked too, and named with its member' \
    says "$T/c.json: wat: is not known" muster-buildsrv --config "$T/c.json"
echo '{"max_concurrent_builds":"x"}' >"$T/c.json"
ok 'a wrong type in a file is named with its member' \
    says "$T/c.json: max_concurrent_builds: .x. is not a whole number" \
    muster-buildsrv --config "$T/c.json"
printf '{\n"listen":\n!}' >"$T/c.json"
ok 'bad JSON in a file has its line' says "$T/c.json: line 3" \
    muster-buildsrv --config "$T/c.json"
ok 'a file that is not there' says 'nofile: no such file' \
    muster-buildsrv --config "$T/nofile"
ok 'a build without a system' usage_100 muster build --arch x64
ok 'an id that is none' exits 100 muster job '../../etc'
ok 'a key is refused on a command line' \
    says 'does not belong on a command line' muster jobs --api-key x
ok 'a server that is not there is 111' exits 111 \
    muster jobs --server http://127.0.0.1:1
done_testing
