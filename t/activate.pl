#!/usr/bin/perl
# usage: activate.pl FILE NAME=ADDRESS... -- COMMAND...
#
# Starts a command as systemd does behind a .socket unit: listens at each
# address (HOST:PORT, PORT 0 for a free one, or a path), writes the ports to
# FILE, one a line ("-" for a path), and runs the command with the sockets
# from descriptor 3 on.  NAME=udp:HOST:PORT passes what it should not.
use strict;
use warnings;
use Fcntl;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();

my $file = shift @ARGV;
my (@sockets, @names, @ports);
while (@ARGV) {
	my $word = shift @ARGV;
	last if $word eq '--';
	my ($name, $at) = split /=/, $word, 2;
	my $s;
	if ($at =~ m{^/}) {
		$s = IO::Socket::UNIX->new(Local => $at, Listen => 128);
	} elsif ($at =~ s/^udp://) {
		$s = IO::Socket::INET->new(LocalAddr => $at, Proto => 'udp');
	} else {
		$s = IO::Socket::INET->new(LocalAddr => $at, Listen => 128,
		    ReuseAddr => 1);
	}
	die "$at: $!\n" unless $s;
	push @sockets, $s;
	push @names, $name;
	push @ports, $at =~ m{^/} ? '-' : $s->sockport;
}
open(my $f, '>', $file) or die "$file: $!\n";
print $f "$_\n" for @ports;
close $f;
# First out of the way of where they go.
my @high = map { fcntl($_, F_DUPFD, 100) } @sockets;
my $fd = 3;
for (@high) {
	POSIX::dup2($_, $fd++) or die "dup2: $!\n";
}
POSIX::close($_) for @high;
$ENV{LISTEN_PID} = $ENV{WRONG_PID} // $$;
$ENV{LISTEN_FDS} = @sockets;
$ENV{LISTEN_FDNAMES} = join ':', @names;
exec @ARGV or die "$ARGV[0]: $!\n";
