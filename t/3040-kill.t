#!/bin/sh
# kill -9 of the server while ten builds wait and two run: after a start all
# twelve complete, each once, and every token leads to a whole file.
. "${0%/*}/lib.sh"

# The pipeline, but that it waits at its beginning until $T/go is there.
mkdir "$T/held"
for f in "$TOP"/scripts/*; do
	ln -s "$f" "$T/held/"
done
rm "$T/held/muster-pipeline"
cat >"$T/held/muster-pipeline" <<END
#!/bin/sh
echo '::step hold'
until [ -e "$T/go" ]; do sleep 0.02; done
exec "$TOP/scripts/muster-pipeline" "\$@"
END
chmod +x "$T/held/muster-pipeline"
start() {
	testbed --server-arg "--scripts=$T/held" "$T/srv" >"$T/env" \
	    2>"$T/err" || { cat "$T/err"; exit 1; }
	. "$T/env"
}
at_end "testbed --stop $T/srv"
start
i=0
while [ $i -lt 12 ]; do
	muster build --os linux --arch x64 -n "k$i" >>"$T/ids" 2>/dev/null
	i=$((i + 1))
done
states() {
	muster jobs -n 200 | cut -f 2 | sort | uniq -c | tr -s ' ' | tr '\n' ';'
}
are() { is "$(states)" "$1"; }
ok 'ten wait and two run' wait_for are ' 10 pending; 2 running;'

read -r pid <"$T/srv/buildsrv.pid"
held=$(pgrep -f "$T/held/muster-pipeline" | wc -l)
kill -9 "$pid"
gone() { ! pgrep -f "$T/held/muster-pipeline"; }
ok 'two pipelines ran' test "$held" -ge 2
ok 'they die with the server' wait_for gone
rm -f "$T/srv/buildsrv.pid"
touch "$T/go"
start
WAIT=90 ok 'all twelve complete' wait_for are ' 12 completed;'
ok 'each is there once' is "$(muster jobs -n 200 | cut -f 1 | sort)" \
    "$(sort "$T/ids")"
twice() {
	while read -r id; do
		muster job "$id" | grep '^attempts'
	done <"$T/ids" | sort | uniq -c | tr -s ' \t' '  ' | tr '\n' ';'
}
ok 'the two that ran were started again' is "$(twice)" \
    ' 10 attempts 1; 2 attempts 2;'
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
empty() { is "$(find "$T/srv/state/work" -mindepth 1 | wc -l)" 0; }
ok 'no work directory is left' wait_for empty
done_testing
