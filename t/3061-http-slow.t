#!/bin/sh
# Slow clients: hundreds that send a byte now and then cost the others
# nothing, are told that they were too slow, and go; one address cannot have
# more connections than it may.
. "${0%/*}/lib.sh"
. "${0%/*}/api-lib.sh"

at_end "testbed --stop $T/srv"
serve --max-connections-per-address 400 --rate-limit 0 --rate-limit-address 0
one=$(account one)
id=$(build "$one" quick)
WAIT=20 wait_for has_status "$one" "$id" completed
where=${S#http://}

# 300 connections, half of which drip a head and half a body, for 13 s; how
# many were answered with which status, and when the first was.
perl -MIO::Socket::INET -MTime::HiRes=time,sleep -e '
	my ($where, $n, $seconds, $mark) = @ARGV;
	my (@all, %seen, $first);
	$SIG{PIPE} = "IGNORE";
	my $start = time;
	for my $i (1 .. $n) {
		my $s = IO::Socket::INET->new(PeerAddr => $where) or die "$!\n";
		$s->blocking(0);
		syswrite $s, $i % 2 ? "GET /healthz HTTP/1.1\r\nHost: h\r\nX: "
		    : "POST /api/agents/build HTTP/1.1\r\nHost: h\r\n" .
		    "Content-Length: 10000\r\n\r\n";
		push @all, { s => $s, kind => $i % 2 ? "head" : "body" };
	}
	open my $f, ">", $mark;
	while (time - $start < $seconds) {
		for my $c (grep { !$_->{done} } @all) {
			syswrite $c->{s}, "x";
			my $got = sysread $c->{s}, my $in, 4096;
			next unless defined $got;
			$c->{done} = 1;
			$first //= time - $start;
			$seen{"$c->{kind} " . ($in =~ m,^HTTP/1.1 (\d+), ?
			    $1 : "closed")}++;
		}
		sleep 0.2;
	}
	printf "%s %d\n", $_, $seen{$_} for sort keys %seen;
	printf "first %d\n", $first // -1;
' "$where" 300 13 "$T/dripping" >"$T/slow" &
slow=$!
wait_for test -e "$T/dripping"

perl "$TOP/t/timing.pl" "$where" "$one" 500 "$J/$id" >"$T/times"
ok 'meanwhile the median answer takes less than 5 ms' \
    test "$(cat "$T/times")" -lt 5000
ok 'and the health check answers' is "$(api - GET /healthz)" 200

wait "$slow"
ok 'a head that drips is 408' grep -qx 'head 408 150' "$T/slow"
ok 'after ten seconds' grep -Eqx 'first (9|10|11)' "$T/slow"
ok 'a body has longer' exits 1 grep -q body "$T/slow"
sed 's/^/# /' "$T/slow"

# As many connections as one address may have, and more.
perl -MIO::Socket::INET -MTime::HiRes=sleep -e '
	my ($where, $n) = @ARGV;
	my @all = map { IO::Socket::INET->new(PeerAddr => $where) } 1 .. $n;
	sleep 0.5;
	my ($open, $closed) = (0, 0);
	for my $s (@all) {
		$s->blocking(0);
		my $got = sysread $s, my $in, 1;
		defined $got ? $closed++ : $open++;
	}
	print "$open $closed\n";
' "$where" 450 >"$T/conns"
ok 'of 450 connections 400 stay' is "$(cat "$T/conns")" '400 50'
ok 'which the log says' grep -q '127.0.0.1: refused: it has 400 connections' \
    "$T/srv/buildsrv.log"
few() { [ "$(api - GET /healthz)" = 200 ]; }
ok 'when they have gone others may come' wait_for few
done_testing
