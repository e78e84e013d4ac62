#!/bin/sh
# Packages where there is no dpkg: rpm is asked, though the module may start
# no program; where there is none that is said.
# shellcheck disable=SC2154	# set by module-lib.sh
. "${0%/*}/lib.sh"
. "${0%/*}/module-lib.sh"
command -v jq >/dev/null || skip_all 'no jq'

# What rpm prints for this query, by its own format's rules.
cat >"$T/rpm" <<'END'
#!/bin/sh
[ "$1 $2" = '-qa --qf' ] || exit 1
for p in 'bash 0 5.1.8 9.el9 x86_64 bash-5.1.8-9.el9.src.rpm Shells' \
    'openssl 1 3.0.7 27.el9 x86_64 openssl-3.0.7-27.el9.src.rpm Unspecified' \
    'gpg-pubkey 0 fd431d51 4ae0493b (none) (none) Public'; do
	echo "$p" | tr ' ' '\t'
done
END
chmod 755 "$T/rpm"
answered() {
	jq -e -s --argjson id "$1" "[.[] | select(.op == \"answer\" and
	    .id == \$id)] | $2" "$T/said"
}

module analysis "{\"dpkg\":\"$T/none\",\"rpm\":\"$T/rpm\"}"
ask 1 packages
ok 'all are there' answered 1 '[.[].part.packages? // [] | .[]] | length == 3'
ok 'with version and architecture' answered 1 '[.[].part.packages? // [] |
    .[]] | any(.name == "bash" and .version == "5.1.8-9.el9" and
    .architecture == "x86_64" and .section == "Shells")'
ok 'an epoch is part of the version' answered 1 '[.[].part.packages? // [] |
    .[]] | any(.name == "openssl" and .version == "1:3.0.7-27.el9")'
ask 2 packages
ok 'and again' answered 2 '[.[].part.packages? // [] | .[]] | length == 3'
stop
ok 'it stops in order' is "$rc" 0

module analysis "{\"dpkg\":\"$T/none\",\"rpm\":\"$T/no-rpm\"}"
ask 3 packages
ok 'no tool is told' answered 3 'last | .error | test("nor the tool rpm")'
stop
done_testing
