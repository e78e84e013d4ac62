#!/bin/sh
# kill -9 of the server at random moments, again and again, while builds are
# submitted, wait and run: every job ends exactly once, every token leads to
# the right bytes, and the event log has no gap and no double.
# KILLS and BUILDS say how many; SEED repeats a run's moments.
# shellcheck disable=SC2016 # awk's own dollars
. "${0%/*}/lib.sh"

kills=${KILLS:-5} builds=${BUILDS:-20} seed=${SEED:-$(date +%s)}
echo "# seed $seed: $kills kills, $builds builds"
for tool in curl jq; do
	command -v "$tool" >/dev/null || skip_all "no $tool"
done

# Three of four builds are short, and their bytes are known; one is real.
mkdir "$T/scripts"
ln -s "$TOP/scripts/muster-source-hash" "$T/scripts/"
cat >"$T/scripts/muster-pipeline" <<END
#!/bin/sh
grep -q '^MUSTER_NAME=real' job.env && exec "$TOP/scripts/muster-pipeline"
echo '::step make'
yes "\$MUSTER_JOB_ID" | head -n 2000 >out
echo "made \$(wc -c <out) bytes"
echo '::step pack'
sleep 0.1
echo '::result {"file":"out","fileName":"out.tar.gz"}'
END
chmod 755 "$T/scripts/muster-pipeline"

# The starts of one job are limited; a moment has no luck with ten.
set -- --server-arg --scripts --server-arg "$T/scripts" \
    --server-arg --max-attempts --server-arg 10 \
    --server-arg --rate-limit --server-arg 0
start() {
	testbed "$@" "$T/srv" >"$T/env" 2>"$T/err" ||
	    { cat "$T/err"; exit 1; }
}
at_end "testbed --stop $T/srv"
start "$@"
. "$T/env"
api() { curl -sS -H "Authorization: Bearer $MUSTER_API_KEY" "$@"; }
# The first real one makes the template, which the others find.
ok 'a first build completes' muster build --os linux --arch x64 -w

# submit NAME: until an answer comes, under a key that makes it one job.
submit() {
	until api -f -H "Idempotency-Key: $seed-$1" \
	    -H 'Content-Type: application/json' \
	    -d '{"os":"linux","architecture":"x64","customName":"'"$1"'"}' \
	    "$MUSTER_SERVER/api/agents/build" >"$T/answer.$1" 2>"$T/no.$1"
	do
		sleep 0.05
	done
}
some() {
	while [ "$1" -lt "$2" ]; do
		if [ $(($1 % 4)) -eq 3 ]; then
			submit "real$1"
		else
			submit "short$1"
		fi
		set -- $(($1 + 1)) "$2"
	done
}

# The moment is from when the server listens, so all of its start but the
# store's opening, which store_kill has, is within reach.
awk "BEGIN { srand($seed); for (i = 0; i < $kills; i++)
    printf \"%.3f\\n\", 0.4 * rand() }" >"$T/moments"
round=0
while read -r moment; do
	some $((round * builds / kills)) $(((round + 1) * builds / kills)) &
	submitters="${submitters:-} $!"
	sleep "$moment"			# the moment itself, not a wait
	read -r pid <"$T/srv/buildsrv.pid"
	kill -9 "$pid"
	wait_for test ! -d "/proc/$pid"
	start "$@"
	round=$((round + 1))
done <"$T/moments"
# shellcheck disable=SC2086
wait $submitters

all_jobs() {
	cursor=
	while [ "$cursor" != null ]; do
		api -f "$MUSTER_SERVER/api/agents/build/jobs?limit=200${cursor:+&cursor=$cursor}" \
		    >"$T/page" || return 1
		jq -r '.jobs[] | select(.customName | test("^(real|short)"))
		    | [.id, .status, .customName, .downloadUrl, .checksum,
		    .error] | @tsv' "$T/page"
		cursor=$(jq -r .nextCursor "$T/page")
		[ "$cursor" = null ] || cursor=$(jq -rn "\"$cursor\"|@uri")
	done
}
ended() {
	[ "$(api "$MUSTER_SERVER/api/agents/build/stats" |
	    jq '.stats.pending + .stats.running')" = 0 ]
}
WAIT=120 ok 'all end' wait_for ended
all_jobs >"$T/jobs"
ok 'each was made once' is "$(cut -f 3 "$T/jobs" | sort -u | wc -l) $(
    wc -l <"$T/jobs")" "$builds $builds"
ok 'and is completed' is "$(cut -f 2 "$T/jobs" | sort | uniq -c |
    tr -s ' ')" " $builds completed"

right() {
	tab=$(printf '\t')
	[ -s "$T/jobs" ] || return 1
	while IFS=$tab read -r id _ name url sum _; do
		api -f -o "$T/file" "$url" || return 1
		case $name in
		short*)	yes "$id" | head -n 2000 | cmp - "$T/file" || return 1 ;;
		real*)	# which checks the signature, too
			muster download -o "$T/real" "$id" || return 1
			cmp "$T/real" "$T/file" || return 1 ;;
		esac
		is "$(sha256sum <"$T/file")" "$sum  -" || return 1
	done <"$T/jobs"
}
ok 'every token leads to the right bytes' right

events() {
	after=0
	: >"$T/events"
	while :; do
		api -f "$MUSTER_SERVER/api/events?all=1&after=$after" \
		    >"$T/page" || return 1
		[ "$(jq '.events | length' "$T/page")" -gt 0 ] || break
		jq -r '.events[] | [.seq, .type, .job.id] | @tsv' "$T/page" \
		    >>"$T/events"
		after=$(jq .next "$T/page")
	done
}
ok 'the events can be read' events
ok 'their numbers have no gap and no double' awk '
    $1 != NR { print "number " NR " is " $1; bad = 1 }
    END { exit bad || NR == 0 }' "$T/events"
# A start may come again, after a kill; an end is the last that happens.
ok 'each job is added once, starts, and ends once' awk -v jobs="$builds" '
    function fault(what) { print $1, $2, $3 ": " what; bad = 1 }
    $2 == "buildJobAdded" { if (state[$3]) fault("not the first")
	state[$3] = "added"; n++; next }
    $2 == "buildJobStarted" { if (!state[$3] || state[$3] == "ended")
	fault("not added, or ended"); state[$3] = "started"; next }
    { if (state[$3] != "started") fault("not started"); state[$3] = "ended" }
    END { for (id in state) if (state[id] != "ended") {
	print id, state[id]; bad = 1 }
	if (n != jobs + 1) { print n " were added"; bad = 1 }
	exit bad }' "$T/events"
again=$(awk '$2 == "buildJobStarted" && seen[$3]++ { n++ }
    END { print n + 0 }' "$T/events")
echo "# $again starts were of interrupted jobs"
[ "$kills" -lt 20 ] || ok 'some were interrupted' test "$again" -gt 0
ok 'no file is without a record' is \
    "$(find "$T/srv/state/artifacts" -type f | wc -l)" \
    "$(api "$MUSTER_SERVER/api/artifacts/stats" | jq .files)"
ok 'no work directory is left' wait_for test "$(
    find "$T/srv/state/work" -mindepth 1 | wc -l)" = 0
ok 'no pipeline is left' exits 1 pgrep -f "$T/scripts/muster-pipeline"
done_testing
