#!/bin/sh
# A real agent's threat-intel and analysis, asked through a real server: an
# indicator of a feed is met, and the host is drawn.
# shellcheck disable=SC2154 # set by module-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/module-lib.sh"

# A program that nobody else has, known to the feed by its hash.
cp /bin/true "$T/evil"
printf '%s' "$T" >>"$T/evil"
sha256sum "$T/evil" | cut -d ' ' -f 1 >"$T/feed"
echo 192.0.2.0/24 >>"$T/feed"
box "{
  \"process-monitor\": { \"enabled\": true },
  \"analysis\": { \"enabled\": true },
  \"threat-intel\": { \"enabled\": true, \"minConfidence\": 60,
    \"feeds\": [ { \"name\": \"ours\", \"file\": \"$T/feed\",
    \"confidence\": 90 } ] } }"
intel() { muster modules "$uid" command threat-intel "$@"; }
indicators() { [ "$(intel status --json | jq '.. | .indicators? // empty')" = 2 ]; }

ok 'the feed is read' wait_for indicators
ok 'what is known of an address can be asked' \
    says '192.0.2.0/24' intel find value=192.0.2.77
ok 'a bad value is named' says 'value: is no address' intel find value='!'
ok 'processes are watched' wait_for box_runs process-monitor
# Again where it is not seen: a storm of other tests may fill the ring, and
# then its event is one of those that a gap counts.
alerted() {
	"$T/evil"
	muster reports -c alert "$uid" | grep indicator | grep -q "$T/evil"
}
show_logs() {
	tail -n 20 "$T/log"
	muster reports "$uid" | grep -E 'gap|summary' | tail -n 5
	muster modules "$uid"
}
# shellcheck disable=SC2034 # of lib.sh
ON_FAILURE=show_logs
ok 'a program of the feed is an alert at the server' wait_for alerted

muster graph "$uid" >"$T/dot"
ok 'the host is drawn' grep -q '^digraph' "$T/dot"
ok 'with the agent in it' grep -q '"program:.*muster-agent' "$T/dot"
if command -v dot >/dev/null; then
	ok 'as dot(1) takes it' exits 0 dot -Tsvg -o "$T/svg" "$T/dot"
fi
cp /bin/sleep "$T/sleeper"
"$T/sleeper" 3600 &
sleeper=$!
at_end "kill $sleeper"
runs() { [ "$(readlink "/proc/$sleeper/exe")" = "$T/sleeper" ]; }
wait_for runs			# until then it is this shell
ok 'what came is a difference' says '^[+]	node	program:.*sleeper' \
    muster graph --diff "$uid"
ok 'packages' says '^dpkg	' muster graph --packages "$uid"
ok 'as CycloneDX' says '"specVersion": "1.5"' muster graph --cyclonedx "$uid"
done_testing
