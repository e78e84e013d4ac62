# For the tests of events, after lib.sh: servers whose builds take as long as
# the test wants, and clients of event streams.
# shellcheck shell=sh disable=SC2034,SC2154

# steered_pipeline: builds of servers that are started with $steered say two
# lines, wait until $T/go is there, and say one more.
steered_pipeline() {
	mkdir -p "$T/scripts"
	printf '#!/bin/sh\necho steered\n' >"$T/scripts/muster-source-hash"
	cat >"$T/scripts/muster-pipeline" <<-END
		#!/bin/sh
		cd "\$MUSTER_JOB_DIR" || exit 1
		echo '::step first'
		echo 'line one'
		echo 'line two' >&2
		until [ -e "$T/go" ]; do sleep 0.02; done
		echo '::step second'
		echo 'line three'
		[ ! -e "$T/fail" ] || { echo 'it broke' >&2; exit 3; }
		echo "\$MUSTER_JOB_ID" >artifact
		echo '::result {"file":"artifact","fileName":"artifact"}'
	END
	chmod +x "$T"/scripts/*
	steered="--server-arg --scripts --server-arg $T/scripts"
}

# server DIR [ARG...]: testbed with these arguments, and its variables.
server() {
	dir=$1
	shift
	at_end "testbed --stop $dir"
	testbed "$@" "$dir" >"$T/env" 2>"$T/err" || { cat "$T/err"; exit 1; }
	. "$T/env"
	S=$MUSTER_SERVER
	J=$S/api/agents/build/jobs
}

# steered_server: one in $T/srv whose builds are steered; $admin, $one and $two
# are the keys of its administrator and of two users.
steered_server() {
	command -v curl >/dev/null || skip_all 'no curl'
	steered_pipeline
	# shellcheck disable=SC2086
	server "$T/srv" $steered
	admin=$MUSTER_API_KEY
	one=$(muster account add one)
	two=$(muster account add two)
}

# code KEY CURL-ARGUMENTS...: the status; the body is in $T/body.
code() {
	key=$1
	shift
	curl -s -m 15 -o "$T/body" -w '%{http_code}' \
	    -H "Authorization: Bearer $key" "$@"
}

# get KEY URL [CURL-ARGUMENTS...]
get() {
	key=$1
	shift
	curl -s -m 15 -H "Authorization: Bearer $key" "$@"
}

# submit KEY [NAME]: a build that is not waited for; prints its id.
submit() {
	get "$1" -H 'Content-Type: application/json' \
	    -d '{"os":"linux","architecture":"x64","customName":"'"${2:-e}"'"}' \
	    "$S/api/agents/build" | jq -r .jobId
}

# follow KEY FILE URL [CURL-ARGUMENTS...]: a stream into FILE, in the
# background; its process is $follower.
follow() {
	key=$1 file=$2
	shift 2
	: >"$file"
	curl -sN -m 120 -H "Authorization: Bearer $key" \
	    -H 'Accept: text/event-stream' "$@" >"$file" &
	follower=$!
	at_end "kill $follower 2>/dev/null"
	wait_for test -s "$file"
}

# types FILE; ids FILE: of the events in a stream, on one line.
types() { sed -n 's/^event: //p' "$1" | tr '\n' ' '; }
ids() { sed -n 's/^id: //p' "$1" | tr '\n' ' '; }

status_is() { [ "$(get "$1" "$J/$2" | jq -r .job.status)" = "$3" ]; }
