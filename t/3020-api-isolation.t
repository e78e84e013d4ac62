#!/bin/sh
# Another user's job, token, log, agent and webhook are answered like what
# does not exist: every route is walked by every role.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"
. "${0%/*}/gateway-lib.sh"
command -v node >/dev/null || skip_all 'no node'

at_end unlink_agents
at_end "testbed --stop $T/srv"
serve --rate-limit 0 --rate-limit-address 0 -j 32
admin=$MUSTER_API_KEY
owner=$(account the-owner)
other=$(account another)

# -- one build, looked at from all sides --

id=$(build "$owner" private-name)
WAIT=20 wait_for has_status "$owner" "$id" completed
url=$(get .job.downloadUrl)
token=${url##*/}
ok 'the owner sees the job' is "$(api "$owner" GET "$J/$id")" 200
ok 'the administrator too' is "$(api "$admin" GET "$J/$id")" 200
ok 'it is not in another list' is "$(MUSTER_API_KEY=$other muster jobs -a)" ''
ok 'nor its download' is "$(api "$other" GET /api/artifacts/downloads)$(
    get '.downloads|length')" 2000
ok 'nor its events' is "$(api "$other" GET '/api/events?all=1')$(
    get '.events|length')" 2000
ok 'the token itself is the right to the file' is \
    "$(api - GET "/api/artifacts/download/$token")" 200
ok 'the administrator may list all jobs' is \
    "$(muster jobs -a | cut -f 1)" "$id"
counted() {
	[ "$(api "$owner" GET /api/artifacts/downloads)$(
	    get '.downloads[0].downloads')" = 2001 ]
}
ok 'the download was counted, once' wait_for counted

# -- a release, and a rollout of it --

. "${0%/*}/tuf-lib.sh"
new_key root
tuf init "$R" --root-key "$T/root" --targets-key "$T/root" -k "$T/root" \
    --online-key "$(muster-sign --print-public-key \
    --socket "$T/srv/run/sign.sock")"
echo release >"$T/file-1.0"
tuf target "$R" -k "$T/root" -f "$T/file-1.0" -V 1.0 --platform linux-x64
file=$(muster release publish "$R" "$T/file-1.0" | sed -n '1s/\t.*//p')
rollout=$(muster rollout start 1.0)
ok 'there is a rollout' test -n "$rollout"

# -- every route, every role --

# METHOD PATH ACCESS, of what the server has.
perl -0777 -ne 'print "$1 $2 $3\n" while
    /^\t\{ "([A-Z]+)",\s*"([^"]+)",\s*([A-Z]+),/gm' "$TOP/buildsrv/api.c" \
    >"$T/routes"
ok 'the table of routes was read' test "$(wc -l <"$T/routes")" -gt 20

json='Content-Type: application/json'

# What a ':' stands for, of the owner's, for one request of a role: set in
# $object; $absent is one that is not there.
new_job() {
	case $1 in
	*/cancel)	object=$(build "$owner" hold) ;;
	*)		object=$(build "$owner" quick)
			WAIT=20 wait_for has_status "$owner" "$object" completed ;;
	esac
	absent=00000000-0000-4000-8000-000000000000
}
new_object() {
	case $1 in
	$J/:*)
		new_job "$1" ;;
	/api/artifacts/download*/:)
		new_job x
		api "$owner" GET "$J/$object" >"$T/code"
		object=$(get .job.downloadUrl)
		object=${object##*/}
		absent=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ;;
	/api/webhooks/:)
		api "$owner" POST /api/webhooks -H "$json" -d \
		    '{"url":"https://hooks.example.org/"}' >"$T/code"
		object=$(get .webhook.id)
		absent=00000000-0000-4000-8000-000000000000 ;;
	/api/accounts/:*)
		object=the-owner
		[ "$2" != local ] || object=scratch
		absent=nobody ;;
	/api/agents/secrets/:)
		object=secret-agent
		api "$admin" POST /api/agents/secrets -H "$json" -d \
		    '{"agentId":"secret-agent","user":"the-owner"}' >"$T/code"
		absent=nobody ;;
	/api/agents/:/*)	# an agent that has left again, or none
		object=$agent absent=nobody ;;
	/api/releases/metadata/:)
		object=1.root.json absent=9.root.json ;;
	/api/releases/*/:)
		object=$file absent=$(printf '%064d' 1) ;;
	/api/rollouts/:*)
		object=$rollout absent=00000000-0000-4000-8000-000000000000 ;;
	*)	return 1 ;;
	esac
}
account scratch >/dev/null
long=$(printf '%0600d' 1)

# The owner's agent, which has registered and left.
build "$owner" agents-build >/dev/null
REGISTRATION_KEY=$(get .registrationKey)
export REGISTRATION_KEY
link owners-agent
agent=$(uid_of owners-agent)
ok 'an agent of the owner has registered' test -n "$agent"
unlink_agents
left() { muster agents --json | jq -e '.[0].connected | not'; }
ok 'and left' wait_for left

# ask KEY METHOD PATH: with what may have a body; $code, and $T/plain is the
# whole answer without what differs from one request to the next.
ask() {
	set -- "$@" -H "$json"
	case $2$3 in
	*workspaces)	set -- "$@" -d '{"workspaces":[]}' ;;
	*/agents/command)
			set -- "$@" -d '{"command":"ping","all":true}' ;;
	*/command)	set -- "$@" -d '{"command":"ping"}' ;;
	*/channel)	set -- "$@" -d '{"channel":"beta"}' ;;
	*/change)	set -- "$@" -d '{"action":"pause"}' ;;
	*/labels)	set -- "$@" -d '{"labels":{"a":"b"}}' ;;
	esac
	code=$(api "$@")
	grep -vi -e '^x-request-id:' -e '^date:' "$T/head" >"$T/plain"
	# A HEAD has no body.
	[ "$2" = HEAD ] || cat "$T/body" >>"$T/plain"
}
none_of() {
	for word in "$@"; do
		[ "$code" != "$word" ] || {
			echo "the answer is $code"
			cat "$T/body"
			return 1
		}
	done
}
# What is the owner's is nowhere in an answer to another.
says_nothing() {
	! grep -F -e the-owner -e private-name -e "$id" -e "$token" "$T/plain"
}
path_of() { echo "$1" | sed "s,:,$2,"; }

# walk_stranger METHOD PATH ACCESS KEY WANTED: of the role that may not.
walk_stranger() {
	if new_object "$2" "$4"; then
		ask "$4" "$1" "$(path_of "$2" "$object")"
		cp "$T/plain" "$T/there"
		there=$code
		for id_like in "$absent" %ff%fe "$long"; do
			ask "$4" "$1" "$(path_of "$2" "$id_like")"
			is "$there $code" "$5 $5" &&
			    cmp "$T/there" "$T/plain" || return 1
		done
	else
		ask "$4" "$1" "$2"
		is "$code" "$5"
	fi
}
# walk_entitled METHOD PATH KEY: of the role that may.
walk_entitled() {
	if new_object "$2" "$3"; then
		for id_like in %ff%fe "$long"; do	# no id of anything
			ask "$3" "$1" "$(path_of "$2" "$id_like")"
			none_of 200 500 000 || return 1
		done
		ask "$3" "$1" "$(path_of "$2" "$object")"
		[ "$1 $2" != 'POST /api/accounts/:/rotate' ] ||
			[ "$3" != "$owner" ] || owner=$(get .key)
		case "$1 $2" in
		# It is not connected.
		*/command)	is "$code" 409 ;;
		*)		none_of 401 403 404 405 000 ;;
		esac
	else
		ask "$3" "$1" "$2"
		none_of 401 403 404 405 000
	fi
}

while read -r method path access <&3; do
	r="$method $path:"
	case $access in
	FREE|OPEN)
		case $path in
		*:*)	ok "$r nobody is asked for a key" \
			    walk_entitled "$method" "$path" - ;;
		*)	ask - "$method" "$path"
			ok "$r nobody is asked for a key" none_of 401 403 ;;
		esac
		continue ;;
	esac
	ok "$r without a key" walk_stranger "$method" "$path" "$access" - 401
	case $access in
	AGENT)	# releases are nobody's
		ok "$r for another user" walk_entitled "$method" "$path" \
		    "$other"
		ok "$r for the administrator" walk_entitled "$method" \
		    "$path" "$admin" ;;
	USER)
		case $path in
		*:*)	ok "$r another's is like none" walk_stranger \
			    "$method" "$path" "$access" "$other" 404 ;;
		*)	ok "$r for another user" walk_entitled "$method" \
			    "$path" "$other"
			ok "$r has nothing of the owner's" says_nothing ;;
		esac
		ok "$r for the owner" walk_entitled "$method" "$path" "$owner"
		case "$method $path" in
		# Another's key is not for administrators either.
		'POST /api/accounts/:/rotate')
			ok "$r for the administrator" walk_stranger "$method" \
			    "$path" "$access" "$admin" 403 ;;
		*)	ok "$r for the administrator" walk_entitled \
			    "$method" "$path" "$admin" ;;
		esac ;;
	*)
		ok "$r for another user" walk_stranger "$method" "$path" \
		    "$access" "$other" 403
		ok "$r for the owner" walk_stranger "$method" "$path" \
		    "$access" "$owner" 403
		if [ "$access" = LOCAL ]; then
			ok "$r for the administrator" walk_stranger "$method" \
			    "$path" "$access" "$admin" 403
		else
			ok "$r for the administrator" walk_entitled \
			    "$method" "$path" "$admin"
		fi ;;
	esac
	ok "$r over the server's own socket" walk_entitled "$method" "$path" \
	    local
done 3<"$T/routes"

# -- time --

# The medians of many requests in turn: what is another's takes as long to
# refuse as what is not there.
same_time() {
	perl "$TOP/t/timing.pl" "${S#http://}" "$other" 1000 "$J/$id$1" \
	    "$J/00000000-0000-4000-8000-000000000000$1" >"$T/times" || return 1
	cat "$T/times"
	read -r a b <"$T/times"
	d=$((a > b ? a - b : b - a))
	[ "$d" -le 20 ] || [ $((d * 5)) -le "$b" ]
}
for what in '' /log /why; do
	ok "another's job${what:+ at }$what is refused in the time of none" \
	    same_time "$what"
done

# -- what is kept --

ok 'no token and no key stands in the store' is "$(grep -c -a -e "$token" \
    -e "$other" -e "$admin" "$T/srv/state/store/data.mdb")" 0
ok 'the server logs no key' is \
    "$(grep -c -e "$token" -e "$other" -e "$admin" "$T/srv/buildsrv.log")" 0
done_testing
