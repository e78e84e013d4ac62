# usage: raw.pl HOST:PORT [SECONDS] <BYTES: sends what is on stdin, as it is,
# and prints what comes until the other side closes; or what came in SECONDS,
# and then "[open]".
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes qw(time);

my ($where, $seconds) = (@ARGV, 5);
my $s = IO::Socket::INET->new(PeerAddr => $where) or die "$where: $!\n";
local $SIG{PIPE} = 'IGNORE';
binmode STDIN;
binmode STDOUT;
my $out = do { local $/; <STDIN> };
my $end = time + $seconds;
while (length $out) {
	my $n = syswrite $s, $out or last;
	substr $out, 0, $n, '';
}
while ((my $left = $end - time) > 0) {
	my $in = '';
	vec(my $r = '', fileno $s, 1) = 1;
	next unless select $r, undef, undef, $left;
	my $n = sysread $s, $in, 65536;
	exit 0 unless $n;
	print $in;
}
print "[open]\n";
