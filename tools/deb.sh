#!/bin/bash
# tools/deb.sh - builds build/deb/gestor_VERSION_ARCH.deb for the release of Debian that this is, and looks at it with lintian.
#
# VERSION is the program's. Where CHANGELOG.md has unreleased changes, +gitTIME.COMMIT follows, the commit's time and id: later than
# the version before, earlier than the next, and in the order of the commits. The package is built from a copy of the working tree.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh

version=$(sed -n 's/^#define VERSION "\(.*\)"$/\1/p' api/base/version.h)
[[ $version ]] || die 'api/base/version.h has no VERSION'
commit=$(git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null) || commit=unknown
export SOURCE_DATE_EPOCH COMMIT=$commit
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null) || SOURCE_DATE_EPOCH=$(stat -c %Y CHANGELOG.md)
if [[ $(grep -m 1 '^## ' CHANGELOG.md) == '## [Unreleased]'* ]]; then
	version+=+git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)
	[[ $commit == unknown ]] || version+=.${commit//-/.}
fi

rm -rf build/deb
tree=build/deb/gestor-$version
mkdir -p "$tree"
tar -c --exclude=__pycache__ --exclude=deploy/secrets --exclude=node_modules Makefile CHANGELOG.md README.md LICENSE THIRD_PARTY.md \
	openapi.yaml api db deploy debian docs tools | tar -x -C "$tree"
cat >"$tree/debian/changelog" <<END
gestor ($version) $(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-unstable}"); urgency=medium

  * CHANGELOG.md says what changed.

 -- Gestor <gestor@desk.example>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
(cd "$tree" && dpkg-buildpackage --build=binary --no-sign --jobs="$(nproc)" >../build.log 2>&1) || {
	tail -n 30 build/deb/build.log >&2
	die 'dpkg-buildpackage failed (all it said: build/deb/build.log)'
}
# Made for this desk alone: the archive's rules for uploads are not asked for.
lintian --fail-on error --tag-display-limit 0 --allow-root build/deb/*.changes || die 'lintian found an error'
rm -rf "$tree"
ls build/deb/*.deb
