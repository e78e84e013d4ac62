#!/bin/sh
# kill -9 of the server while ten builds wait and two run: after a start all
# twelve complete, each once, and every token leads to a whole file.
. "${0%/*}/lib.sh"

at_end "testbed --stop $T/srv"
testbed "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
. "$T/env"
# A first build fills the template cache, so that the rest are short.
muster build --os linux --arch x64 -w >/dev/null 2>"$T/err" ||
    { cat "$T/err"; exit 1; }
kill_at() {
	read -r pid <"$T/srv/buildsrv.pid"
	kill -9 "$pid"
	wait_for test ! -d "/proc/$pid"
	rm -f "$T/srv/buildsrv.pid"
}
i=0
while [ $i -lt 12 ]; do
	muster build --os linux --arch x64 -n "k$i" >>"$T/ids" 2>/dev/null
	i=$((i + 1))
done
kill_at
testbed "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
. "$T/env"

ended() {
	[ "$(muster jobs -n 200 | awk -F '\t' '$5 ~ /^k/ &&
	    $2 != "pending" && $2 != "running"' | wc -l)" = 12 ]
}
WAIT=60 ok 'all twelve end' wait_for ended
ok 'and are completed' is "$(muster jobs -n 200 |
    awk -F '\t' '$5 ~ /^k/ { print $2 }' | sort | uniq -c | tr -s ' ')" \
    ' 12 completed'
ok 'each is there once' is "$(sort -u "$T/ids" | wc -l)" 12
whole() {
	while read -r id; do
		muster download -o "$T/f" "$id" || return 1
	done <"$T/ids"
}
ok 'every download is whole and signed' whole
ok 'no file is without a record' is \
    "$(find "$T/srv/state/artifacts" -type f | wc -l)" \
    "$(curl -s -H "Authorization: Bearer $MUSTER_API_KEY" \
    "$MUSTER_SERVER/api/artifacts/stats" | jq .files)"
ok 'no work directory is left' is \
    "$(find "$T/srv/state/work" -mindepth 1 | wc -l)" 0
done_testing
