#!/bin/sh
# A client written from document 002 alone meets our gateway: through
# authentication, registration and heartbeats; every changed byte is refused.
. "${0%/*}/lib.sh"

command -v node >/dev/null || skip_all 'no node'
at_end "testbed --stop $T/srv"
testbed --server-arg --open-registration "$T/srv" >"$T/env" 2>"$T/err" || {
	cat "$T/err"
	exit 1
}
# shellcheck disable=SC1091
. "$T/env"
url=ws${MUSTER_SERVER#http}/ws/agent
client() { node "$TOP/t/client002.mjs" "$url" "$@" </dev/null; }

ok 'before authentication: agent not authenticated' \
    says '^agent not authenticated$' client "$T/k1" one early
ok 'and the connection goes' says '^closed$' client "$T/k1" one early
ok 'authentication, registration, heartbeats' \
    exits 0 client "$T/k1" one session
uid=$(client "$T/k1" one session | sed -n 's/^registered //p')
ok 'a registration has a uid' test -n "$uid"
ok 'registering again gives the same one' \
    says "^registered $uid\$" client "$T/k1" one session
ok 'a registered agent needs no second registration' \
    says '^heartbeats 1$' client "$T/k1" one again
ok 'it is one agent in the list' is \
    "$(muster agents | cut -f 1)" "$uid"
ok 'an agent that never registered is refused' \
    exits 1 client "$T/k2" two again
ok 'every changed byte of the authentication is refused' \
    says '^refused [0-9]{3} of' client "$T/k3" three flip
ok 'every changed byte of the registration is refused' \
    says '^refused [0-9]{3} of' client "$T/k4" four flip-registration
ok 'and registered nobody' is "$(muster agents | wc -l)" 1
done_testing
