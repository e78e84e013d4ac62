#!/bin/sh
# What is no longer needed goes, by itself, by the API, by muster-cleanup and
# by DELETE; what is needed stays.
# shellcheck disable=SC2034
SERVER_ARGS='--keep-jobs 0 --keep-events 0 --orphan-grace 0
    --cleanup-interval 0'
. "${0%/*}/artifacts-lib.sh"

at_end "testbed --stop $T/srv"
start_server
st=$T/srv/state
J=$S/api/agents/build/jobs
status_of() {
	curl -s -o "$T/body" -w '%{http_code}' -H "$A" "$J/$1"
}
# until_pass FIELD N: passes, until those since new_passes have so many of it
# together; a file must be two seconds old before it can be an orphan.
new_passes() { : >"$T/passes"; }
until_pass() {
	wait_for pass_has "$1" "$2" || {
		echo "$total of $1 in the end, not $2"
		cat "$T/passes"
		return 1
	}
}
pass_has() {
	total=$(jq -s "map(.$1) | add // 0" "$T/passes")
	[ "$total" -ge "$2" ] || {
		clean >>"$T/passes"
		return 1
	}
}

ok 'an unknown parameter is refused' is "$(get -X POST -H "$A" \
    "$S/api/cleanup?what=1")" 400
ok 'a dry run is 1' is "$(get -X POST -H "$A" "$S/api/cleanup?dryRun=yes")" \
    400
key=$(muster account add someone)
ok 'it is for administrators' is "$(get -X POST \
    -H "Authorization: Bearer $key" "$S/api/cleanup")" 403
ok 'without a key it is 401' is "$(get -X POST "$S/api/cleanup")" 401

live=$(build live-100)
gone=$(build gone-100)
one=$(build same-50)
two=$(build same-50)
broken=$(build fail-1)
for id in "$gone" "$one"; do
	get -X DELETE -H "$A" "$S/api/artifacts/downloads/$(token "$id")" \
	    >"$T/.code"
done
before=$(files)
clean '?dryRun=1' >"$T/dry"
ok 'a dry run counts jobs' is "$(jq .jobs "$T/dry")" 3
ok 'and lists them' is "$(jq -r '.items[] | select(.[0] == "job") | .[1]' \
    "$T/dry" | sort)" "$(printf '%s\n' "$gone" "$one" "$broken" | sort)"
ok 'but leaves them' is "$(status_of "$gone")" 200
ok 'and the files' is "$(files)" "$before"
ok 'muster-cleanup says the same' is "$(muster-cleanup -n 2>"$T/.err" | grep -c '^job')" 3

u=$(url "$gone")
ok 'a revoked download is 410' is "$(get "$u")" 410
new_passes
ok 'a clean-up takes three jobs' is "$(clean | tee "$T/passes" | jq .jobs)" 3
ok 'a job that failed is 404' is "$(status_of "$broken")" 404
ok 'and its log' is "$(status_of "$broken/log")" 404
ok 'one whose download was revoked too' is "$(status_of "$gone")" 404
ok 'its token is unknown now' is "$(get "$u")" 404
ok 'one that can be downloaded stays' is "$(status_of "$live")" 200
ok 'and can be downloaded' is "$(get "$(url "$live")")" 200
ok 'so does the other of two with one file' is "$(get "$(url "$two")")" 200
ok 'the counts agree' is "$(curl -s -H "$A" "$S/api/agents/build/stats" |
    jq -c '[.stats.completed, .stats.failed]')" '[2,0]'
ok 'an orphan is found' until_pass orphans 1
ok 'one' is "$total" 1
ok 'it goes' until_pass files 1
ok 'with its bytes' is "$(jq -s "map(.bytes) | add" "$T/passes")" $((100 * 1024))
ok 'only files of tokens are left' is "$(files)/$(trashed)" 2/0
ok 'old events are trimmed' says '"items":\[\]|"events":\[\]' \
    curl -s -H "$A" "$S/api/events?after=0"

# DELETE.
A2="Authorization: Bearer $key"
ok 'another user cannot delete a job' is \
    "$(get -X DELETE -H "$A2" "$J/$live")" 404
sed 's/"request.*//' "$T/body" >"$T/other"
ok 'which he hears like of an unknown one' is "$(get -X DELETE -H "$A2" \
    "$J/00000000-0000-4000-8000-000000000000")/$(cat "$T/body")" \
    "404/$(cat "$T/other")"
u=$(url "$two")
ok 'its owner can' is "$(get -X DELETE -H "$A" "$J/$two")" 200
ok 'then it is gone' is "$(status_of "$two")" 404
ok 'and its download' is "$(get "$u")" 404
ok 'a second time it is 404' is "$(get -X DELETE -H "$A" "$J/$two")" 404
id=$(curl -s -H "$A" -H 'Content-Type: application/json' -d '{"os":"linux",
    "architecture":"x64","customName":"slow-400000"}' \
    "$S/api/agents/build" | jq -r .jobId)
ok 'a job that has not ended is 409' is "$(get -X DELETE -H "$A" "$J/$id")" \
    409
curl -s -X POST -H "$A" "$J/$id/cancel" >"$T/.out"
cancelled() { [ "$(curl -s -H "$A" "$J/$id" | jq -r .job.status)" = cancelled ]; }
wait_for cancelled
ok 'a cancelled one can be deleted' is "$(get -X DELETE -H "$A" "$J/$id")" 200

# A file that is being sent is not touched, whatever becomes of its job.
id=$(build big-32768)
sum=$(curl -s -H "$A" "$J/$id" | jq -r .job.checksum)
curl -s "$(url "$id")" | {
	dd bs=1 count=1 2>"$T/.err"
	: >"$T/begun"
	until [ -e "$T/on" ]; do sleep 0.1; done
	cat
} >"$T/slow" & slow=$!
wait_for test -e "$T/begun"
get -X DELETE -H "$A" "$J/$id" >"$T/.code"
new_passes
ok 'other orphans go meanwhile' until_pass files 1
ok 'not the one that is being sent' test -e "$st/artifacts/$sum"
: >"$T/on"
wait "$slow"
ok 'which arrives whole' is "$(sha256sum <"$T/slow" | cut -d ' ' -f 1)" "$sum"
new_passes
ok 'and goes then' until_pass files 1
ok 'from the disk, too' test ! -e "$st/artifacts/$sum"

# What killed processes left.
mkdir -p "$st/work/99" "$st/templates/$sum.new"
touch -d '1 hour ago' "$st/work/99" "$st/x.0123456789ab.tmp" \
    "$st/artifacts/$sum.new"
muster-cleanup -n >"$T/dry" 2>"$T/.err"
ok 'left directories and files are listed' is "$(cut -f 1 "$T/dry" | sort |
    tr '\n' ' ')" 'template temporary temporary work '
ok 'muster-cleanup takes them' muster-cleanup -q
ok 'all' test ! -e "$st/work/99" -a ! -e "$st/templates/$sum.new" \
    -a ! -e "$st/x.0123456789ab.tmp" -a ! -e "$st/artifacts/$sum.new"
ok 'quietly' is "$(muster-cleanup -q 2>&1)" ''

# One at a time.
muster-lock "$T/srv/run/cleanup.lock" sh -c ": >$T/held; exec sleep 60" &
holder=$!
wait_for test -e "$T/held"
ok 'a second clean-up gives up' exits 1 muster-cleanup -q
ok 'at once, or after a time' exits 99 muster-cleanup --wait 1
kill "$holder"
wait "$holder" 2>"$T/.err"
ok 'then it can' muster-cleanup -q
ok 'a bad argument is 100' exits 100 muster-cleanup --whatever
ok 'no server is 111' exits 111 muster-cleanup --run-dir "$T"
ok 'the server notes who asked' says '"cleanup"' curl -s -H "$A" \
    "$S/api/audit?limit=200"
done_testing
