# For the tests that need document 004's server as it stands in the document,
# after lib.sh.
# shellcheck shell=sh disable=SC2034

# server004_make: leaves $T/server.mjs, which node runs.
server004_make() {
	npm_install ws@8
	# TypeScript's types are all that is taken away.
	sed -e '/^interface Envelope {/,/^}/d' \
	    -e 's/: Record<string, string> =/ =/' \
	    -e "s/env: Omit<Envelope, 'signature'>, secret: string): string/env, secret)/" \
	    -e 's/(env: Envelope): boolean/(env)/' \
	    -e 's/new Map<.*>()/new Map()/' \
	    -e 's/let agentId: string | null/let agentId/' \
	    -e 's/const env: Envelope =/const env =/' \
	    -e 's/agentId: string, command: string, args?: .*) {/agentId, command, args) {/' \
	    -e 's/get(agentId)!/get(agentId)/' \
	    "$TOP/t/server004.ts" >"$T/server.mjs"
	cat "$TOP/t/server004-drive.mjs" >>"$T/server.mjs"
}

# server004_start: runs it on $port; it ends with the test, and so does $agent
# where one is set.
server004_start() {
	mkfifo "$T/say"
	PORT=0 node "$T/server.mjs" <"$T/say" >"$T/out" 2>&1 &
	server=$!
	exec 3>"$T/say"
	agent=
	# shellcheck disable=SC2016
	at_end 'exec 3>&-; kill $server $agent 2>/dev/null'
	wait_for grep -q '^PORT' "$T/out" || { cat "$T/out"; exit 1; }
	port=$(sed -n 's/^PORT //p' "$T/out")
}
# tell COMMAND [JSON], as in server004-drive.mjs; heard PATTERN [N]: what it
# printed.
tell() { echo "$*" >&3; }
heard() { [ "$(grep -Ec "$1" "$T/out")" -ge "${2:-1}" ]; }
