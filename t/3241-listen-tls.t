#!/bin/sh
# TLS: SIGHUP brings a new certificate for new connections; those that stand,
# a download and an event stream, go on.
# shellcheck disable=SC2154,SC2086,SC2016 # set by events-lib.sh; words; perl
. "${0%/*}/lib.sh"
. "${0%/*}/events-lib.sh"

command -v openssl >/dev/null || skip_all 'no openssl'
command -v curl >/dev/null || skip_all 'no curl'
# certificate NAME: $T/NAME.pem and .key, with this name.
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$T/$1.key" -out "$T/$1.pem" -days 2 -subj "/CN=$1" \
	    -addext 'subjectAltName=IP:127.0.0.1' 2>"$T/openssl" ||
	    { cat "$T/openssl"; exit 1; }
}
certificate old
certificate new
cp "$T/old.pem" "$T/cert.pem"
cp "$T/old.key" "$T/cert.key"
steered_pipeline
touch "$T/go"
server "$T/srv" $steered --server-arg --tls-cert --server-arg "$T/cert.pem" \
    --server-arg --tls-key --server-arg "$T/cert.key" \
    --server-arg --listen --server-arg "unix:$T/plain.sock"
ok 'the address is https' is "${S%%:*}" https
ok 'a Unix socket stays clear text' is "$(curl -s --unix-socket \
    "$T/plain.sock" http://x/healthz | jq -r .status)" ok
at=${S#https://}
# shown: the name in the certificate that a new connection gets.
shown() {
	openssl s_client -connect "$at" </dev/null 2>/dev/null |
	    openssl x509 -noout -subject | sed 's/.*= *//'
}
ok 'with its certificate' is "$(shown)" old
one=$(muster account add one --socket "$MUSTER_SOCKET")
CURL_CA_BUNDLE=$T/cert.pem
export CURL_CA_BUNDLE

# A download that is far from its end when the certificate changes.
cat >"$T/scripts/muster-pipeline" <<-'END'
	#!/bin/sh
	cd "$MUSTER_JOB_DIR" || exit 1
	head -c 30000000 /dev/urandom >artifact
	echo '::result {"file":"artifact","fileName":"artifact"}'
END
id=$(submit "$one" long)
wait_for status_is "$one" "$id" completed
get "$one" "$J/$id" >"$T/job"
follow "$one" "$T/stream" "$S/api/events"
stream=$follower
curl -s --limit-rate 8M -o "$T/file" "$(jq -r .job.downloadUrl "$T/job")" &
download=$!
some() { [ -s "$T/file" ]; }
ok 'a download is under way' wait_for some
cp "$T/new.pem" "$T/cert.pem"
cp "$T/new.key" "$T/cert.key"
read -r pid <"$T/srv/buildsrv.pid"
kill -HUP "$pid"
anew() { [ "$(shown)" = new ]; }
ok 'a new connection gets the new certificate' wait_for anew
ok 'while the download still runs' kill -0 "$download"
ok 'and the stream' kill -0 "$stream"
ok 'the download ends well' exits 0 wait "$download"
ok 'and whole' is "$(sha256sum <"$T/file" | cut -d ' ' -f 1)" \
    "$(jq -r .job.checksum "$T/job")"
submit "$one" more >"$T/.id"
has() { grep -q "$1" "$2"; }
ok 'the stream goes on' wait_for has "$(cat "$T/.id")" "$T/stream"

# One that cannot be used changes nothing.
echo nonsense >"$T/cert.pem"
kill -HUP "$pid"
ok 'a bad certificate is named' wait_for has \
    'the old certificate stays: .*cert.pem' "$T/srv/buildsrv.log"
ok 'and not used' is "$(shown)" new
cp "$T/old.pem" "$T/cert.pem"
kill -HUP "$pid"
other() { [ "$(grep -c 'the old certificate stays' \
    "$T/srv/buildsrv.log")" = 2 ]; }
ok 'nor one of another key' wait_for other
ok 'the server still serves' is "$(shown)" new
done_testing
