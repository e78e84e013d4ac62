# For the tests of Socket.IO, after lib.sh: a server that a unit test has in
# it, until the test ends.
# shellcheck shell=sh disable=SC2034,SC2154

# socketio_server NAME: the one of NAME.t, at $url.
socketio_server() {
	unit_server "$1"
	# shellcheck disable=SC2016 # the last one's
	at_end 'kill $pid 2>/dev/null'
	socketio_start 127.0.0.1:0 || skip_all "no server: $(cat "$T/err")"
	url=$(cat "$T/url")
}
# socketio_start WHERE: the same, again; its process is $pid.
socketio_start() {
	"$server" serve "$1" >"$T/url" 2>"$T/err" &
	pid=$!
	wait_for test -s "$T/url"
}
