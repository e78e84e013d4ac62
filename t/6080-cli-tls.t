#!/bin/sh
# The same over TLS: nobody is trusted who is not known, streams and downloads
# included.
. "${0%/*}/lib.sh"
command -v openssl >/dev/null || skip_all 'no openssl'

cd "$T" || exit 1
for n in good other; do
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$n" \
	    -addext 'subjectAltName=IP:127.0.0.1' -keyout $n.key \
	    -out $n.pem 2>/dev/null || skip_all 'openssl makes no certificate'
done
at_end "testbed --stop $T/srv"
testbed --server-arg --tls-cert="$T/good.pem" \
    --server-arg --tls-key="$T/good.key" "$T/srv" >"$T/env" 2>"$T/err" ||
    { cat "$T/err"; exit 1; }
. "$T/env"

ok 'the server serves HTTPS' says '^https://' echo "$MUSTER_SERVER"
ok 'one that is not known is not trusted' exits 111 muster jobs
ok 'and why is told' says 'certificate' muster jobs
ok 'nor is one that another vouches for' exits 111 \
    muster jobs --ca-file other.pem
ok 'a file of certificates that is not there' exits 100 \
    muster jobs --ca-file nowhere.pem
MUSTER_CA_FILE=$T/good.pem
export MUSTER_CA_FILE
ok 'one that is known is' muster jobs
ok 'a build is fetched' muster build --os linux --arch x64 -n a -o a.tar.gz
ok 'by its URL, too' muster download -o b.tar.gz "$(muster job "$(muster jobs |
    cut -f 1)" | sed -n 's/^downloadUrl	//p')"
ok 'with the same bytes' cmp a.tar.gz b.tar.gz
ok 'but not from who is not known' exits 111 env MUSTER_CA_FILE= \
    muster download -o c.tar.gz "$(muster job "$(muster jobs |
    cut -f 1)" | sed -n 's/^downloadUrl	//p')"
ok 'a log is followed' timeout 20 muster logs -f "$(muster jobs | cut -f 1)"
ok 'plain HTTP has no answer' exits 111 muster jobs \
    --server "http${MUSTER_SERVER#https}"
done_testing
