# For tests of artifacts and clean-up: . "${0%/*}/artifacts-lib.sh" starts a
# server whose builds need no compiler: a build named NAME-SIZE packs so many
# KiB that are its own, one named same-SIZE the same as its like, one named
# fail-* fails.  Further arguments for the server are in $SERVER_ARGS.
# shellcheck shell=sh
. "${0%/*}/lib.sh"

mkdir "$T/scripts"
for s in "$TOP"/scripts/*; do
	ln -s "$s" "$T/scripts/"
done
rm "$T/scripts/muster-pipeline"
cat >"$T/scripts/muster-pipeline" <<'END'
#!/bin/sh
set -eu
cd "$MUSTER_JOB_DIR"
name=$(sed -n 's/^MUSTER_NAME=//p' job.env)
seed=$name
case $name in
same-*) ;;
fail-*) echo 'it was told to fail' >&2; exit 1 ;;
*) seed=$MUSTER_JOB_ID ;;
esac
echo '::step package'
: >out
if [ "${name##*-}" != 0 ]; then
	printf '%1024s' "$seed" >block
	i=0
	while [ $i -lt "${name##*-}" ]; do
		cat block
		i=$((i + 1))
		[ $i -lt 64 ] || break
	done >part
	n=$i
	while [ $n -lt "${name##*-}" ]; do
		cat part part >both
		mv both part
		n=$((n * 2))
	done
	head -c $((${name##*-} * 1024)) part >out
fi
echo '::result {"file":"out","fileName":"'"$name"'.tar.gz"}'
END
chmod +x "$T/scripts/muster-pipeline"
MUSTER_SCRIPTS=$T/scripts
export MUSTER_SCRIPTS

# start_server: sets S, A (a header) and what testbed sets.
start_server() {
	set --
	for a in ${SERVER_ARGS:-}; do
		set -- "$@" --server-arg "$a"
	done
	testbed "$@" "$T/srv" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
	# shellcheck source=/dev/null
	. "$T/env"
	S=$MUSTER_SERVER
	A="Authorization: Bearer $MUSTER_API_KEY"
}

kill_server() {
	read -r pid <"$T/srv/buildsrv.pid"
	kill -9 "$pid"
	wait_for test ! -d "/proc/$pid"
	rm -f "$T/srv/buildsrv.pid"
}

# build NAME [FIELDS]: its job's id, when it has been built.
build() {
	curl -s -m 60 -H "$A" -H 'Content-Type: application/json' -d \
	    "{\"os\":\"linux\",\"architecture\":\"x64\",\"customName\":\"$1\",
	    \"useQueue\":false${2:+,$2}}" "$S/api/agents/build" |
	    jq -r '.job.id // (.error | capture("(?<i>[0-9a-f-]{36})").i)'
}

# get CURL-ARGUMENTS...: the answer's head in $T/head, its body in $T/body;
# prints the status.
get() {
	: >"$T/body"
	curl -s -m 60 -D "$T/head" -o "$T/body" -w '%{http_code}' "$@" || :
}
# header NAME: of the last answer.
header() {
	tr -d '\r' <"$T/head" | sed -n "s/^$1: //Ip"
}
token() {		# of a job
	curl -s -H "$A" "$S/api/artifacts/downloads" |
	    jq -r ".downloads[] | select(.jobId == \"$1\").token"
}
url() {
	echo "$S/api/artifacts/download/$(token "$1")"
}
# counted JOB N: waits until so many downloads are recorded.
counted() {
	wait_for counted_now "$1" "$2" || {
		echo "of $1, not $2 downloads"
		curl -s -H "$A" "$S/api/artifacts/downloads"
		return 1
	}
}
counted_now() {
	[ "$(curl -s -H "$A" "$S/api/artifacts/downloads" | jq \
	    ".downloads[] | select(.jobId == \"$1\").downloads")" = "$2" ]
}
# cleanup [QUERY]: a pass, by an administrator; its answer.
clean() {
	curl -s -m 60 -H "$A" -X POST "$S/api/cleanup${1:-}"
}
# How many are in the artifacts' directory, and in its trash.
files() {
	find "$T/srv/state/artifacts" -maxdepth 1 -type f | wc -l
}
trashed() {
	find "$T/srv/state/artifacts/trash" -type f 2>"$T/.err" | wc -l
}
