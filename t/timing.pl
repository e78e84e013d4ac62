# usage: timing.pl HOST:PORT KEY N PATH PATH...: asks for each in turn, N
# times, on one connection; prints the median time (microseconds) of each.
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($where, $key, $n, @paths) = @ARGV;
my $s = IO::Socket::INET->new(PeerAddr => $where) or die "$where: $!\n";
$s->setsockopt(6, 1, 1);	# TCP_NODELAY
my @times;
for my $i (1 .. $n) {
	for my $p (0 .. $#paths) {
		my ($in, $head) = ('', undef);
		my $start = clock_gettime(CLOCK_MONOTONIC);
		syswrite $s, "GET $paths[$p] HTTP/1.1\r\nHost: h\r\n"
		    . "Authorization: Bearer $key\r\n\r\n";
		until ($in =~ /\r\n\r\n/ && $in =~ /^content-length: (\d+)/im
		    && length $in >= $+[0] && length($in) >= index($in,
		    "\r\n\r\n") + 4 + $1) {
			sysread $s, $in, 65536, length $in or die "closed\n";
		}
		push @{$times[$p]}, clock_gettime(CLOCK_MONOTONIC) - $start;
	}
}
for my $t (@times) {
	my @s = sort { $a <=> $b } @$t;
	printf "%d ", 1e6 * $s[@s / 2];
}
print "\n";
