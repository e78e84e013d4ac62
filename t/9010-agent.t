#!/bin/sh
# The main job: what is built is small, static and checked by name; it runs
# with nothing but what was stamped into it, registers once, and stops well.
. "${0%/*}/lib.sh"

at_end "testbed --stop $T/srv"
testbed "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
. "$T/env"
ok 'an agent is built and fetched' muster build --os linux --arch x64 \
    --name probe -o "$T/a.tar.gz"
id=$(muster jobs | cut -f 1)
value() { muster job "$id" | sed -n "s/^$1	//p"; }
key=$(muster-sign --socket "$T/srv/run/sign.sock" --print-public-key)
mkdir "$T/p"
tar -xzf "$T/a.tar.gz" -C "$T/p" --strip-components=1 || exit 1
agent=$T/p/muster-agent

ok 'below 2.5 MB' test "$(stat -c %s "$agent")" -lt 2500000
ok 'static' says 'statically linked|static-pie' file -L "$agent"
ok 'stripped' says ', stripped' file -L "$agent"
ok 'the configuration is read back' is \
    "$(muster-stamp --read "$agent" | jq -r '.name + " " + .build_id')" \
    "probe $id"
ok 'no wait: the second build does not compile' muster build --os linux \
    --arch x64 --name again --wait
id2=$(muster jobs -n 1 | cut -f 1)
ok 'it says so' is "$(muster job "$id2" |
    sed -n 's/^templateCached	//p')" true

verify() {
	muster-sign --verify --public-key "$key" \
	    --signature "$(value signature)" \
	    --checksum "$(value checksum)" "$1"
}
sig=$(value signature) sum=$(value checksum)
value() { case $1 in signature) echo "$sig" ;; *) echo "$sum" ;; esac; }
ok 'the package is right' verify "$T/a.tar.gz"
# A byte flipped at places all over the file.
flipped() {
	size=$(stat -c %s "$T/a.tar.gz")
	n=0
	while [ $n -lt 20 ]; do
		at=$((size * n / 20 + (n == 19) * (size / 20 - 1)))
		cp "$T/a.tar.gz" "$T/bad"
		byte=$(od -An -tu1 -j $at -N1 "$T/bad" | tr -d ' ')
		# shellcheck disable=SC2059
		printf "\\$(printf %o $((byte ^ 1)))" |
		    dd of="$T/bad" bs=1 seek=$at conv=notrunc 2>/dev/null
		exits 1 verify "$T/bad" >"$T/words" 2>&1 || return 1
		grep -q checksum "$T/words" || { cat "$T/words"; return 1; }
		# Whoever changes the checksum too meets the signature.
		exits 1 muster-sign --verify --public-key "$key" \
		    --signature "$sig" "$T/bad" >"$T/words" 2>&1 || return 1
		grep -q signature "$T/words" || { cat "$T/words"; return 1; }
		n=$((n + 1))
	done
}
ok 'a flipped byte is refused with the name of the check' flipped
# In the unpacked binary: the configuration's own hash and signature.
cp "$agent" "$T/badagent"
at=$(grep -abo '"name":"probe"' "$agent" | head -n 1 | cut -d : -f 1)
printf X | dd of="$T/badagent" bs=1 seek=$((at + 8)) conv=notrunc 2>/dev/null
ok 'a changed configuration does not start' says 'stamp sha256' \
    "$T/badagent" --state-dir "$T/x" --run-dir "$T/x" --log-dir "$T/x"

start() {
	"$agent" --state-dir "$T/st" --run-dir "$T/st" --log-dir "$T/st" \
	    >>"$T/agent.log" 2>&1 &
	pid=$!
}
start
# shellcheck disable=SC2016
at_end 'kill $pid 2>/dev/null'
connected() { muster agents | cut -f 4 | grep -qx "$1"; }
ok 'it connects' wait_for connected yes
metrics() { muster agents --json | jq -e '.[0].metrics.memPercent > 0'; }
ok 'its metrics arrive' wait_for metrics
ok 'they are true' test "$(muster agents --json |
    jq '.[0].metrics.memPercent | floor')" -le 100
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; }
ok 'its memory is below 6 MB' test "$(rss)" -lt 6000
uid=$(muster agents | cut -f 1)
ok 'a second one is refused by the lock' exits 1 "$agent" \
    --state-dir "$T/st" --run-dir "$T/st" --log-dir "$T/st"
kill -TERM $pid
rc=0
wait $pid || rc=$?
ok 'SIGTERM ends it with 0' is $rc 0
ok 'the server knows' wait_for connected no
start
ok 'it comes back' wait_for connected yes
ok 'as the same agent, registered once' is "$(muster agents | cut -f 1)" "$uid"
testbed --stop "$T/srv"
testbed "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
. "$T/env"
WAIT=60 ok 'it returns by itself after a restart of the server' \
    wait_for connected yes
ok 'as the same agent still' is "$(muster agents | cut -f 1)" "$uid"
kill -9 $pid
wait $pid 2>/dev/null
start
ok 'killed and started it is connected again' wait_for connected yes
ok 'and is one agent' is "$(muster agents | wc -l)" 1
ok 'the log has no key' is "$(grep -c "$(muster-stamp --read "$agent" |
    jq -r .registration_key)" "$T/agent.log" "$T/srv/buildsrv.log" |
    cut -d : -f 2 | sort -u)" 0
done_testing
