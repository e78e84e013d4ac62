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

for tool in muster-buildsrv muster-sign muster-stamp muster-agent \
    muster-updater muster-lock 'muster build' 'muster jobs' 'muster job' \
    'muster logs' 'muster cancel' 'muster download' 'muster agents' \
    'muster account'; do
	# shellcheck disable=SC2086
	{
	ok "$tool --nonsense" usage_100 $tool --nonsense
	ok "$tool -?" usage_100 $tool '-?'
	ok "$tool --help" helps $tool --help
	ok "$tool --version" helps $tool --version
	}
done
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
