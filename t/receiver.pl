#!/usr/bin/perl
# usage: receiver.pl DIR [PORT]
#
# Takes webhooks, for the tests: prints its port; keeps the n-th request as
# DIR/n.head and DIR/n.body; answers with the statuses in DIR/answers, one a
# line, from the first on, and 200 when there is none left.  "hang" does not
# answer, "302" leads to DIR/n with n = 0.
use strict;
use warnings;
use IO::Socket::INET;

my ($dir, $port) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    LocalPort => $port || 0, Listen => 16, ReuseAddr => 1) or die "$!\n";
$| = 1;
print $server->sockport, "\n";
my ($n, @hung) = (0);
$n++ while -e "$dir/" . ($n + 1) . '.head';

sub write_file {
	my ($name, $text) = @_;
	open(my $f, '>', "$dir/.new") or die "$dir: $!\n";
	print $f $text;
	close $f;
	rename "$dir/.new", $name;
}

# Takes the first line off the answers.
sub status {
	open(my $f, '<', "$dir/answers") or return 200;
	my @lines = <$f>;
	close $f;
	my $first = shift @lines or return 200;
	write_file("$dir/answers", join('', @lines));
	chomp $first;
	return $first;
}

while (my $c = $server->accept) {
	my ($head, $body) = ('', '');
	while (my $line = <$c>) {
		last if $line eq "\r\n";
		$head .= $line =~ s/\r\n$/\n/r;
	}
	my ($len) = $head =~ /^content-length: (\d+)/mi;
	read($c, $body, $len || 0);
	my $status = status();
	$n++;
	write_file("$dir/$n.body", $body);
	write_file("$dir/$n.head", $head);	# last: tests wait for it
	if ($status eq 'hang') {
		push @hung, $c;
		next;
	}
	print $c "HTTP/1.1 $status Answer\r\nContent-Length: 2\r\n" .
	    "Location: http://127.0.0.1:" . $server->sockport . "/moved\r\n" .
	    "Connection: close\r\n\r\nok";
	close $c;
}
