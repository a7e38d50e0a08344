#!/bin/bash
# tests/deb.sh - installs build/deb/gestor_*.deb in a bare Debian, starts it as gestor(1) says, upgrades, removes and purges it.
#
# It needs root and debootstrap (tools/debian.sh). `make deb-test` builds the package first. The version before is the same package
# with a lower number. There is no systemd to start anything, so a systemctl that writes down what it is asked for stands in for it.
# The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
# shellcheck source=tools/debian.sh
. tools/debian.sh

package=$(find build/deb -name 'gestor_*.deb' 2>/dev/null)
[[ -f $package ]] || die 'build/deb has no package, or several: make deb'
# shellcheck disable=SC1091
debian_begin "$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")"
root=$(mktemp -d "$base.run.XXXXXX")
# shellcheck disable=SC2317 # a trap calls it
undo() { rm -rf --one-file-system "$root"; }
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
debian_copy "$root"

install -D -m 644 "$package" "$root/packages/new.deb"
dpkg-deb --raw-extract "$package" "$root/packages/old"
sed -i 's/^Version: .*/Version: 0.9/' "$root/packages/old/DEBIAN/control"
echo '# of the version before' >>"$root/packages/old/usr/share/doc/gestor/examples/alerts.yml"
dpkg-deb --root-owner-group --build "$root/packages/old" "$root/packages/old.deb" >/dev/null
rm -r "$root/packages/old"
# The lines of gestor(1) that make the database, as a shell reads them.
sed -n '/^\.\\" first start/,/^\.\\" end/{ /^\.\\"/d; s/\\-/-/g; s/\\e/\\/g; p; }' docs/gestor.1 >"$root/packages/first_start"
[[ $(wc -l <"$root/packages/first_start") -gt 5 ]] || die 'docs/gestor.1 has no first start'
install -m 755 tests/deb_inside.sh "$root/packages/test"

say 'What the package needs comes first, and PostgreSQL.'
debian_run "$root" '
	exec >/packages/log 2>&1
	apt-get -qq update
	# Without a locale, as many a server is: Debian then makes its cluster in SQL_ASCII.
	LANG= DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends postgresql openssl iproute2' ||
	{ tail -n 20 "$root/packages/log" >&2; die 'apt-get could not install it'; }
for part in packages database; do
	# The second has a network of its own, in which PostgreSQL has its usual port.
	[[ $part == packages ]] && isolate=() || isolate=(--net)
	debian_run "$root" "/packages/test $part" || :
done
passed=$(grep -c '^ok' "$root/packages/results") || :
failed=$(grep -vc '^ok' "$root/packages/results") || :
((passed >= 30)) || { say "the test broke off after $passed checks"; failed=$((failed + 1)); }
say "$passed passed, $failed failed"
((failed == 0))
