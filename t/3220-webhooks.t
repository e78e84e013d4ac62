#!/bin/sh
# Webhooks: signed, in order, tried again until taken, across restarts; never
# to private addresses, never another's.
# shellcheck disable=SC2154,SC2086,SC2016 # set by events-lib.sh; words; perl
. "${0%/*}/lib.sh"
. "${0%/*}/events-lib.sh"

steered_server

# hook KEY JSON: makes one; its answer is $T/body.
hook() { code "$1" -H 'Content-Type: application/json' -d "$2" \
    "$S/api/webhooks"; }
for url in http://127.0.0.1/ http://localhost:8080/x http://10.1.2.3/ \
    http://169.254.169.254/latest https://192.168.0.1/ 'http://[::1]/' \
    'http://[fd00::1]/' 'http://[::ffff:10.0.0.1]/' http://100.64.0.1/ \
    http+unix://%2Frun%2Fx.sock/ ftp://a.example/ ws://a.example/ \
    http://127.1/ http://2130706433/ http://u:p@a.example/; do
	ok "$url is refused" is "$(hook "$one" '{"url":"'"$url"'"}')" 400
done
ok 'with the field named' is "$(jq -r .field "$T/body")" url
ok 'a public one is taken' is \
    "$(hook "$one" '{"url":"https://192.0.1.1/hook"}')" 201
ok 'one deletes it' is "$(code "$one" -X DELETE \
    "$S/api/webhooks/$(jq -r .webhook.id "$T/body")")" 200
testbed --stop "$T/srv"
server "$T/srv" $steered --server-arg --webhooks-private

mkdir "$T/got"
receiver() {
	: >"$T/port"
	perl "$TOP/t/receiver.pl" "$T/got" "$@" >"$T/port" &
	receiver=$!
	at_end "kill $receiver 2>/dev/null"
	wait_for test -s "$T/port"
	read -r port <"$T/port"
}
receiver
ok 'a webhook is made' is "$(hook "$one" \
    '{"url":"http://127.0.0.1:'"$port"'/in?x=1"}')" 201
id=$(jq -r .webhook.id "$T/body")
secret=$(jq -r .webhook.secret "$T/body")
touch "$T/go"
job=$(submit "$one" first)
ok 'three events come' wait_for test -e "$T/got/3.head"
ok 'to the path asked for' is "$(head -n 1 "$T/got/1.head")" \
    'POST /in?x=1 HTTP/1.1'
header() { sed -n "s/^$2: //p" "$T/got/$1.head"; }
ok 'in their order' is "$(for n in 1 2 3; do header $n X-Muster-Event; done |
    tr '\n' ' ')" 'buildJobAdded buildJobStarted buildJobCompleted '
ok 'with their numbers' is "$(for n in 1 2 3; do
    header $n X-Muster-Delivery; done | tr '\n' ' ')" '1 2 3 '
ok 'as JSON' is "$(header 1 Content-Type)" application/json
ok 'which is what streams get' is "$(jq -c '[.seq,.type,.job.id]' \
    "$T/got/3.body")" "[3,\"buildJobCompleted\",\"$job\"]"
# signature N: what it must be, computed by another hand.
signature() {
	{ header "$1" X-Muster-Timestamp | tr -d '\n'; printf .
	cat "$T/got/$1.body"; } >"$T/signed"
	echo "sha256=$(openssl dgst -sha256 -hmac "$secret" "$T/signed" |
	    sed 's/.*= //')"
}
ok 'each is signed' is "$(signature 1) $(signature 3)" \
    "$(header 1 X-Muster-Signature) $(header 3 X-Muster-Signature)"
now=$(date +%s)
ok 'with the time' exits 0 test $((now - $(header 3 X-Muster-Timestamp))) -lt 60

# at_event N: whether it has noted that all up to there was taken.
at_event() { [ "$(get "$one" "$S/api/webhooks/$id" |
    jq .webhook.cursor)" = "$1" ]; }
wait_for at_event 3
get "$one" "$S/api/webhooks/$id" >"$T/hook"
ok 'the last deliveries are shown' is \
    "$(jq -c '[.webhook.deliveries[] | [.seq, .status]]' "$T/hook")" \
    '[[1,200],[2,200],[3,200]]'
ok 'the secret is not' exits 1 grep -q "$secret" "$T/hook"
ok 'nor in the list' is "$(get "$one" "$S/api/webhooks" |
    jq -c '[.webhooks[] | [.id, has("secret")]]')" "[[\"$id\",false]]"
ok 'another user does not see it' is "$(code "$two" "$S/api/webhooks/$id")" 404
cp "$T/body" "$T/foreign"
ok 'and hears what is said of any' is "$(code "$two" \
    "$S/api/webhooks/00000000-0000-4000-8000-000000000000"
    cmp "$T/body" "$T/foreign")" 404
ok 'nor deletes it' is \
    "$(code "$two" -X DELETE "$S/api/webhooks/$id")" 404
ok 'nor has it in the list' is \
    "$(get "$two" "$S/api/webhooks" | jq -c .webhooks)" '[]'
submit "$two" other >"$T/.id"
wait_for status_is "$two" "$(cat "$T/.id")" completed
ok 'nor is another told of' is \
    "$(get "$one" "$S/api/webhooks/$id" | jq .webhook.cursor)" 3

# 500, then a redirect, then it is taken: the same event three times.
printf '500\n302\n' >"$T/got/answers"
submit "$one" again >"$T/.id"
WAIT=30 ok 'after failures it comes again' wait_for test -e "$T/got/8.head"
ok 'the same event, and in order' is "$(for n in 4 5 6 7 8; do
    header $n X-Muster-Delivery; done | tr '\n' ' ')" '7 7 7 8 9 '
ok 'a redirect is not followed' exits 1 grep -rq /moved "$T/got"
ok 'a try is signed for its own time' is "$(signature 6)" \
    "$(header 6 X-Muster-Signature)"
ok 'what failed is shown' is "$(get "$one" "$S/api/webhooks/$id" |
    jq -c '[.webhook.deliveries[] | select(.seq == 7) |
    [.attempt, .status, .error]]')" \
    '[[1,500,"answered 500"],[2,302,"answered 302"],[3,200,null]]'
wait_for at_event 9
ok 'and is over' is "$(get "$one" "$S/api/webhooks/$id" |
    jq .webhook.failures)" 0

# The receiver is away; the server is killed; both come back.
kill "$receiver"
wait "$receiver" 2>/dev/null
submit "$one" away >"$T/.id"
failing() { [ "$(get "$one" "$S/api/webhooks/$id" |
    jq .webhook.failures)" -gt 0 ]; }
ok 'nobody is there' wait_for failing
wait_for status_is "$one" "$(cat "$T/.id")" completed
read -r pid <"$T/srv/buildsrv.pid"
kill -9 "$pid"
wait_for test ! -d "/proc/$pid"
rm -f "$T/srv/buildsrv.pid"
receiver "$port"
server "$T/srv" $steered --server-arg --webhooks-private
WAIT=30 ok 'what was missed comes' wait_for test -e "$T/got/11.head"
wait_for at_event 12
ok 'from where it was' is "$(header 9 X-Muster-Delivery)" 10
ok 'with the secret of before' is "$(signature 9)" \
    "$(header 9 X-Muster-Signature)"

# Only some types; from a number on; all users' for an administrator.
ok 'one for some events' is "$(hook "$one" '{"url":"http://127.0.0.1:'"$port"\
'/some","events":["buildJobCompleted"],"after":0}')" 201
some=$(jq -r .webhook.id "$T/body")
at() { [ "$(get "$2" "$S/api/webhooks/$1" |
    jq '.webhook.deliveries|length')" = "$3" ]; }
ok 'gets those alone' wait_for at "$some" "$one" 3
ok 'and no other' is "$(get "$one" "$S/api/webhooks/$some" |
    jq -r '[.webhook.deliveries[].type] | unique[]')" buildJobCompleted
ok 'an event that is none' is "$(hook "$one" \
    '{"url":"https://192.0.1.1/","events":["x"]}')" 400
ok 'all is for administrators' is "$(hook "$one" \
    '{"url":"https://192.0.1.1/","all":true}')" 403
ok 'who have it' is "$(hook "$admin" '{"url":"http://127.0.0.1:'"$port"\
'/all","all":true,"after":3,"events":["buildJobAdded"]}')" 201
all=$(jq -r .webhook.id "$T/body")
ok 'and hear of every user' wait_for at "$all" "$admin" 3

ok 'one is deleted' is "$(code "$one" -X DELETE "$S/api/webhooks/$id")" 200
ok 'and gone' is "$(code "$one" "$S/api/webhooks/$id")" 404
n=$(find "$T/got" -name '*.head' | wc -l)
submit "$one" last >"$T/.id"
count() { [ "$(find "$T/got" -name '*.head' | wc -l)" = "$1" ]; }
ok 'the others go on' wait_for count $((n + 2))
ok 'it gets nothing more' is "$(grep -l 'POST /in' "$T/got"/*.head |
    while read -r f; do sed -n 's/^X-Muster-Delivery: //p' "$f"; done |
    sort -n | tr '\n' ' ')" '1 2 3 7 7 7 8 9 10 11 12 '

n=1
while [ $n -lt 20 ]; do
	hook "$two" '{"url":"https://192.0.1.1/"}' >"$T/.code"
	n=$((n + 1))
done
ok 'twenty are taken' is "$(hook "$two" '{"url":"https://192.0.1.1/"}')" 201
ok 'and no more' is "$(hook "$two" '{"url":"https://192.0.1.1/"}')" 409
ok 'no secret is in the log' exits 1 grep -q "$secret" "$T/srv/buildsrv.log"
done_testing
