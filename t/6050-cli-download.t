#!/bin/sh
# Downloads: what breaks is gone on with, what is wrong gets no name, and a
# link serves as well as a job.
. "${0%/*}/lib.sh"
command -v node >/dev/null || skip_all 'no node'
. "${0%/*}/cli-lib.sh"
token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
cd "$T" || exit 1
node -e 'process.stdout.write(Buffer.alloc(300000, "muster "))' >"$T/whole"
get() { timeout 60 muster download "$@"; }

serve file-cut
ok 'a broken download is gone on with' get -o a $token
ok 'and is whole' cmp a whole
ok 'from where it broke' grep -q 'bytes=100000- -$' log
ok 'with no key: the token is the right to it' exits 1 grep -q 'key$' log
ok 'no part is left' test ! -e a.part
serve file-cut
ok 'its own name is the default' is "$(get $token 2>/dev/null)" a.tar.gz
ok 'under which it is' cmp a.tar.gz whole
mkdir dir
ok 'a directory gets it by that name' is "$(get -o dir $token 2>/dev/null)" \
    dir/a.tar.gz
ok 'a whole URL serves, whatever MUSTER_SERVER is' env \
    MUSTER_SERVER=http://127.0.0.1:1 timeout 60 muster download -o b \
    "$MUSTER_SERVER/api/artifacts/download/$token"
ok 'with the same bytes' cmp b whole
serve file-cut
timeout 60 muster download -o - $token >c 2>/dev/null
ok 'stdout, too, is whole over the breaks' cmp c whole
ok 'that the signature was not checked is told' says 'not checked' \
    get -o d $token
serve file-cut
ok 'with a key it is, and what does not fit is refused' exits 1 get -o e \
    -k AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= $token
ok 'so there is no file' test ! -e e
ok 'and no part' test ! -e e.part

serve file-cut
head -c 150000 whole >f.part
ok 'the part of an earlier download is gone on with' get -o f $token
ok 'and is whole' cmp f whole
ok 'the part was not fetched again' grep -q 'bytes=150000-' log
printf 'something else' >g.part
ok 'a part of something else is found out' get -o g $token
ok 'and fetched anew' cmp g whole
cp whole h.part
ok 'a part that is whole needs nothing' get -o h $token
ok 'but its name' cmp h whole
head -c 400000 /dev/zero >i.part
ok 'a part that is too long is not it' get -o i $token
ok 'and gone' cmp i whole

serve file-dies
ok 'what cannot go on is told' exits 1 get -o j $token
ok 'its part stays' test -s j.part
ok 'and nothing has the name' test ! -e j
serve file-dies
ok 'with words for how to go on' says 'j.part has .* goes on from there' \
    get -o j $token
serve file-changed
ok 'a file that has changed is fetched from its start' get -o k $token
ok 'whole' cmp k whole
serve file-long
ok 'more bytes than were said are not taken' get -o l $token
ok 'but those that were' cmp l whole
serve file-wrong
ok 'wrong bytes are refused' exits 1 get -o m $token
ok 'by the checksum' says 'refused: checksum' get -o m $token
ok 'and leave nothing' test ! -e m -a ! -e m.part
serve file-name
ok 'a name that leads elsewhere is refused' exits 111 get $token
ok 'and asks for one' says 'use -o' get $token
ok 'which is then used' get -o n $token

serve file-hangs
timeout 60 muster download -o o $token 2>/dev/null & holder=$!
at_end "kill $holder 2>/dev/null"
wait_for test -s o.part
ok 'two downloads do not write to one part' exits 1 get -o o $token
ok 'but say so' says 'another download' get -o o $token
kill $holder
wait $holder 2>/dev/null
serve file-cut
ok 'what a killed one has left is gone on with' get -o o $token
ok 'whole' cmp o whole
ln -s whole p.part
ok 'a part that is a link is not followed' exits 111 get -o p $token
ok 'and its target is as it was' is "$(wc -c <whole)" 300000
ok 'what is neither id, token nor URL is 100' exits 100 get 'a b'
ok 'nor any URL' exits 100 get http://127.0.0.1:1/etc/passwd
ok 'a server that is not there is 111, at once' exits 111 env \
    MUSTER_SERVER=http://127.0.0.1:1 timeout 5 muster download -o q $token
ok 'nothing is left of it' test ! -e q
done_testing
