# perl flood.pl send ADDRESS...: UDP to port 9 of each, as fast as it can, until
# it is ended; the count goes to stdout.
# perl flood.pl hear: counts what comes to port 9, IPv4 and IPv6.
use strict;
use warnings;
use IO::Select;
use Socket qw(:all);

my ($n, $end) = (0, 0);
$SIG{TERM} = $SIG{ALRM} = sub { $end = 1 };
alarm 120;			# whoever was to end it has gone
sub address {
	my $a = shift;
	return $a =~ /:/ ? pack_sockaddr_in6(9, inet_pton(AF_INET6, $a)) :
	    pack_sockaddr_in(9, inet_aton($a));
}
my $mode = shift;
if ($mode eq 'send') {
	my @to = map { [ /:/ ? AF_INET6 : AF_INET, address($_) ] } @ARGV;
	for my $t (@to) {
		socket($t->[2], $t->[0], SOCK_DGRAM, 0) or die "socket: $!";
	}
	until ($end) {
		for my $t (@to) {
			# What a filter here drops is an error (ENOBUFS).
			send($t->[2], 'x' x 32, 0, $t->[1]);
			$n++;
		}
	}
} else {
	socket(my $s, AF_INET6, SOCK_DGRAM, 0) or die "socket: $!";
	setsockopt($s, SOL_SOCKET, SO_RCVBUF, 1 << 20);
	bind($s, pack_sockaddr_in6(9, IN6ADDR_ANY)) or die "bind: $!";
	my $wait = IO::Select->new($s);
	until ($end) {
		next unless $wait->can_read(0.1);
		$n++ if defined recv($s, my $b, 100, MSG_DONTWAIT);
	}
}
print "$n\n";
