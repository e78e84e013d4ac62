# For tests of the server's API, after lib.sh: a server whose pipeline is a
# stub, and requests.
# shellcheck shell=sh disable=SC2034,SC2154

# serve [OPTION...]: starts the server in $T/srv, or starts it anew; its
# pipeline obeys the job's name:
#   hold*    waits until $T/go is there
#   forks*   the same, with processes that left its group and session, whose
#            numbers are in $T/pids
#   fails*   ends with 1
#   others   hand out a small file at once
# The name of each job that starts is appended to $T/started.
serve() {
	stub_scripts
	serve_args=
	for a in --scripts "$T/stub" "$@"; do
		serve_args="$serve_args --server-arg $a"
	done
	# shellcheck disable=SC2086
	testbed $serve_args "$T/srv" >"$T/env" 2>"$T/err" || {
		cat "$T/err"
		exit 1
	}
	. "$T/env"
	S=$MUSTER_SERVER
}

stub_scripts() {
	mkdir -p "$T/stub"
	printf '#!/bin/sh\necho 0123456789abcdef\n' \
	    >"$T/stub/muster-source-hash"
	cat >"$T/stub/muster-pipeline" <<-END
		#!/bin/sh
		set -eu
		name=\$(sed -n 's/^MUSTER_NAME=//p' "\$MUSTER_JOB_DIR/job.env")
		echo "\$name" >>"$T/started"
		echo "::step stub"
		case \$name in
		hold*)
			until [ -e "$T/go" ]; do sleep 0.02; done ;;
		forks*)
			for i in 1 2 3; do
				setsid sh -c 'echo \$\$ >>"$T/pids"; trap "" TERM HUP
				    while :; do sleep 1; done' &
				(setsid sh -c '(echo \$\$ >>"$T/pids"; exec sleep 300) &' &)
			done
			echo \$\$ >>"$T/pids"
			until [ -e "$T/go" ]; do sleep 0.02; done ;;
		fails*)
			echo "it is the stub's will" >&2
			exit 1 ;;
		esac
		echo "\$name" >"\$MUSTER_JOB_DIR/out"
		echo '::result {"file":"out","fileName":"agent.tar.gz"}'
	END
	chmod 755 "$T/stub/"*
}

# stop, and kill_server (-9): the server alone, not what signs for it.
kill_server() {
	read -r pid <"$T/srv/buildsrv.pid"
	kill -9 "$pid"
	wait_for gone "$pid"
	rm -f "$T/srv/buildsrv.pid"
}
gone() { ! kill -0 "$1" 2>/dev/null; }

account() { muster account add "$@" --socket "$MUSTER_SOCKET"; }

# api KEY METHOD PATH [CURL-ARGUMENT...]: prints the status; the answer is in
# $T/body, its head in $T/head.  The key "-" is none, "local" the server's own
# socket.
api() {
	api_key=$1 api_method=$2 api_path=$3
	shift 3
	case $api_key in
	local)	set -- --unix-socket "$MUSTER_SOCKET" "$@" \
		    "http://localhost$api_path" ;;
	-)	set -- "$@" "$S$api_path" ;;
	*)	set -- -H "Authorization: Bearer $api_key" "$@" "$S$api_path" ;;
	esac
	case $api_method in
	HEAD)	set -- -I "$@" ;;
	*)	set -- -X "$api_method" "$@" ;;
	esac
	curl -s -m 20 -D "$T/head" -o "$T/body" -w '%{http_code}' "$@"
}

# post KEY BODY [CURL-ARGUMENT...]: asks for a build; prints the status.
J=/api/agents/build/jobs
post() {
	post_key=$1 post_body=$2
	shift 2
	api "$post_key" POST /api/agents/build \
	    -H 'Content-Type: application/json' -d "$post_body" "$@"
}
# build KEY NAME [MORE-MEMBERS]: the same; prints the job's id.
build() {
	post "$1" "{\"os\":\"linux\",\"architecture\":\"x64\",\"customName\":\"$2\"${3:+,$3}}" \
	    >"$T/code"
	jq -r .jobId "$T/body"
}
# get MEMBER: of the last answer (a jq path).
get() { jq -r "$1" "$T/body"; }
# status KEY ID: of a job.
status() {
	api "$1" GET "$J/$2" >"$T/code"
	get .job.status
}
has_status() { [ "$(status "$1" "$2")" = "$3" ]; }
started() { grep -qx "$1" "$T/started"; }
