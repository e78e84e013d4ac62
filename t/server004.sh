# For the tests that need document 004's server as it stands in the document:
# server004_make, after lib.sh, leaves $T/server.mjs, which node runs.
# shellcheck shell=sh
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
