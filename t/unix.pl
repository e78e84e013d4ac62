# usage: unix.pl SOCKET <LINES: sends what is on stdin and shuts that side;
# prints what comes until the other side closes, ten seconds at most.
use strict;
use warnings;
use IO::Socket::UNIX;

my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$ARGV[0]: $!\n";
local $SIG{PIPE} = 'IGNORE';
local $SIG{ALRM} = sub { exit 1 };
alarm 10;
my $out = do { local $/; <STDIN> };
syswrite $s, $out;
shutdown $s, 1;
print while <$s>;
