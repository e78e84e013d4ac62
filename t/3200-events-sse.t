#!/bin/sh
# GET /api/events: a user's own events, in order, live and after a cut, and
# never another's.
# shellcheck disable=SC2154,SC2016 # set by events-lib.sh; perl
. "${0%/*}/lib.sh"
. "${0%/*}/events-lib.sh"

steered_server
E=$S/api/events

follow "$one" "$T/one" "$E"
live=$follower
follow "$two" "$T/two" "$E"
follow "$admin" "$T/all" "$E?all=1"
id=$(submit "$one")
has() { grep -q "$1" "$2"; }
ok 'what is added is seen' wait_for has 'event: buildJobAdded' "$T/one"
ok 'and started' wait_for has 'event: buildJobStarted' "$T/one"
touch "$T/go"
ok 'and completed' wait_for has 'event: buildJobCompleted' "$T/one"
ok 'in this order' is "$(types "$T/one")" \
    'buildJobAdded buildJobStarted buildJobCompleted '
ok 'with their numbers' is "$(ids "$T/one")" '1 2 3 '
ok 'it tells when to come back' has '^retry: [0-9]' "$T/one"
sed -n 's/^data: //p' "$T/one" | tail -n 1 >"$T/last"
ok 'an event carries its number, time, type and job' \
    jq -e '.seq == 3 and .t > 1e12 and .type == "buildJobCompleted" and
    .job.status == "completed" and (.job.downloadUrl | test("/download/"))' \
    "$T/last"
ok 'of the right job' is "$(jq -r .job.id "$T/last")" "$id"
ok 'nothing else of the record' is "$(jq '.job | has("secret") or
    has("registrationKey") or has("fence") or has("target")' "$T/last")" false
ok 'an administrator may see all' is "$(types "$T/all")" "$(types "$T/one")"

# Another user: not live, not from the beginning, not with words.
page() { key=$1; shift; get "$key" "$E$*" >"$T/page"; }
page "$two" '?after=0'
ok 'another user has no events' is \
    "$(jq -c '[.events,.next]' "$T/page")" '[[],0]'
page "$two" '?after=0&all=1'
ok 'nor with all' is "$(jq -c '[.events,.next]' "$T/page")" '[[],0]'
follow "$two" "$T/two.all" "$E?after=0&all=1"
page "$one" '?after=1'
ok 'a page goes on behind a number' is "$(jq -c '[.events[].seq]' "$T/page")" \
    '[2,3]'
ok 'and tells where the next one begins' is "$(jq .next "$T/page")" 3
page "$one" '?after=0&limit=2'
ok 'a page has as many as asked for' is \
    "$(jq -c '[[.events[].seq],.next]' "$T/page")" '[[1,2],2]'
page "$one" '?after=99'
ok 'a number from another log is set right' is \
    "$(jq -c '[.events,.next]' "$T/page")" '[[],3]'

# A client that comes back.
kill "$live"
rm "$T/go"
next=$(submit "$one")
touch "$T/go"
ok 'a second build ends' wait_for status_is "$one" "$next" completed
follow "$one" "$T/back" "$E" -H 'Last-Event-ID: 2'
ok 'who was away gets what was missed' wait_for has 'id: 6' "$T/back"
ok 'all of it and once' is "$(ids "$T/back")" '3 4 5 6 '
follow "$one" "$T/after" "$E?after=4"
ok 'a number in the query does the same' wait_for has 'id: 6' "$T/after"
ok 'but not what was before' is "$(ids "$T/after")" '5 6 '
follow "$one" "$T/new" "$E"
follow "$one" "$T/plain" "$E?follow" -H 'Accept: */*'
third=$(submit "$two")
fourth=$(submit "$one")
ok 'without a number only what is new' wait_for has Completed "$T/new"
ok 'asked for by ?follow as well' wait_for has Completed "$T/plain"
ok 'of the own build alone' is "$(grep -c "$third" "$T/new")" 0
ok 'the other user sees the own' wait_for has "$third" "$T/two"
ok 'and has never seen another' is "$(cat "$T/two" "$T/two.all" |
    grep -c -e "$id" -e "$next" -e "$fourth")" 0
ok 'the numbers grow' exits 0 sh -c 'sed -n "s/^id: //p" "$1" | sort -nuc' \
    - "$T/all"

ok 'a key is needed' is "$(curl -s -m 5 -o "$T/body" -w '%{http_code}' "$E")" \
    401
ok 'a number that is none' is "$(code "$one" "$E?follow" \
    -H 'Last-Event-ID: x')" 400
ok 'a parameter that is none' is "$(code "$one" "$E?before=1")" 400
ok 'a limit that is none' is "$(code "$one" "$E?limit=0")" 400

# 100 streams of one account, and one more.
many() {
	perl -MIO::Socket::INET -e '
		my ($url, $key) = @ARGV;
		my ($at) = $url =~ m{//([^/]+)};
		for (1 .. 101) {
			my $s = IO::Socket::INET->new($at) or die "$at: $!";
			print $s "GET /api/events?follow HTTP/1.1\r\n" .
			    "Host: x\r\nAuthorization: Bearer $key\r\n\r\n";
			$s->flush;
			my $l = <$s>;
			$n{(split / /, $l)[1]}++;
			push @all, $s;
		}
		print join(" ", map { "$_:$n{$_}" } sort keys %n), "\n"' "$@"
}
ok 'one account has at most 100 streams' is "$(many "$S" "$(muster account \
    add many)")" '200:100 429:1'

follow "$one" "$T/end" "$E?after=0"
last=$follower
testbed --stop "$T/srv"
ok 'a stop ends the streams in order' exits 0 wait "$last"
ok 'with all that was sent' has 'id: 6' "$T/end"
done_testing
