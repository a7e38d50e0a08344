#!/bin/bash
# tools/on-debian.sh RELEASE COMMAND - runs a shell command on a bare Debian with a copy of this repository.
#
#   tools/on-debian.sh trixie 'make test'
#   tools/on-debian.sh bookworm 'make test STEPS="unit http"'
#
# No target of the Makefile runs this: it needs root, and takes long. The system in the chroot has git and make, as README
# asks for, and nothing else. The copy of the repository is a clone of HEAD, with the changes of the working tree to
# files that git knows (`git add` makes a new file known).
#
# debootstrap makes the bare system once, in build/debian/RELEASE. Each run has a copy of it, which is removed at the end.
# DEBIAN_DIR=/elsewhere  where the bare systems, their copies and the fetched packages (RELEASE.cache) are
# DEBIAN_KEEP=1          uses the copy RELEASE.kept, and keeps it: its packages stay installed, its build/ stays built
# Remove RELEASE and RELEASE.kept to begin with the archive's packages of today.
#
# Mirror, proxy and certificates are those of this system: apt's sources and Acquire settings, /etc/resolv.conf, the
# certificates in /usr/local/share/ca-certificates, npm's settings, and the proxies of the environment. The keys
# of RELEASE must be in this system's debian-archive-keyring (Debian 12's has Debian 13's since version 2023.3+deb12u2);
# debootstrap makes nothing without a signature.
#
# The command has mount, process and IPC namespaces of its own: when it ends, however that happens, the kernel kills every process
# that it left and removes the mounts. It shares the network. There is no systemd, so nothing can be started as a service.
# A bare system takes 220 MB, and one with all packages of `make test` and `make check` 3 GB.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh

(($# == 2)) || die "usage: tools/on-debian.sh RELEASE COMMAND, such as: tools/on-debian.sh trixie 'make test'"
release=$1 command=$2
[[ $release =~ ^[a-z]+$ ]] || die "'$release' is no name of a Debian release: bookworm, trixie"
((EUID == 0)) || die 'debootstrap and chroot need root'
for tool in debootstrap apt-get unshare git; do
	command -v "$tool" >/dev/null || die "$tool is not there: apt-get install debootstrap apt util-linux git"
done
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -e $keys ]] || die "$keys is not there: apt-get install debian-archive-keyring"
places=${DEBIAN_DIR:-build/debian}
mkdir -p "$places"
places=$(cd "$places" && pwd)
base=$places/$release cache=$places/$release.cache
umask 022

# sources - this system's sources of Debian's packages, for the other release: lines of sources.list.
sources() {
	local here
	# shellcheck disable=SC1091
	here=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(ORIGIN) $(SITE) $(CODENAME) $(COMPONENT)' 'Identifier: Packages' |
		awk -v here="$here" -v there="$release" -v keys="$keys" '
			$1 == "Debian" && sub("^" here, there, $3) && $4 == "main" && !had[$0]++ {
				print "deb [signed-by=" keys "] " $2, $3, $4
			}'
}

# apt_settings - how this system fetches packages.
apt_settings() { apt-config dump | grep -E '^Acquire::(http|https|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date)[: ]' || :; }

# proxies - NAME=VALUE of the environment that say how the network and npm's registry are reached.
proxies() { env | grep -iE '^((https?|no|all)_proxy|npm_config_[a-z_]+|NODE_EXTRA_CA_CERTS)=' || :; }

# isolated COMMAND... - with mounts and processes of its own, all of which end with it.
isolated() { unshare --mount --pid --ipc --fork --kill-child "$@"; }

make_base() {
	local list mirror
	list=$(sources)
	[[ $list ]] || die "apt knows no source of Debian's packages on this system: apt-get update"
	mirror=$(awk -v suite="$release" '$4 == suite { print $3; exit }' <<<"$list")
	[[ $mirror ]] || die "no source of this system has the main archive of $release"
	say "Making $base" >&2
	rm -rf "$base.new"
	isolated env "http_proxy=${http_proxy-$(apt-config shell p Acquire::http::Proxy | sed -E "s/^p='(.*)'/\1/")}" \
		debootstrap --force-check-gpg --keyring="$keys" --variant=minbase --include=ca-certificates \
		"$release" "$base.new" "$mirror" >"$base.log" 2>&1 || {
		tail -n 15 "$base.log" >&2
		die "debootstrap could not make $release (all it said: $base.log)"
	}
	mv -T "$base.new" "$base"
}

exec 9>"$base.lock"
flock -n 9 || die "another $0 of $release is running"
[[ -d $base ]] || make_base

if [[ ${DEBIAN_KEEP-} ]]; then run=$base.kept; else run=$(mktemp -d "$base.run.XXXXXX"); fi
# shellcheck disable=SC2317 # a trap calls it
undo() { [[ ${DEBIAN_KEEP-} ]] || rm -rf --one-file-system "$run"; }
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

[[ -d $run/etc ]] || cp -a --reflink=auto "$base/." "$run"
mkdir -p "$cache" "$run/root"
rm -f "$run/etc/apt/sources.list" "$run/etc/apt/sources.list.d/"* "$run/etc/resolv.conf"
sources >"$run/etc/apt/sources.list"
apt_settings >"$run/etc/apt/apt.conf.d/90as-outside"
cat /etc/resolv.conf >"$run/etc/resolv.conf"
cat /etc/hosts >"$run/etc/hosts"
for file in /usr/local/share/ca-certificates/*.crt /root/.npmrc /etc/npmrc; do
	[[ ! -f $file ]] || install -D -m 644 "$file" "$run$file"
done

# The repository. In a copy that was kept it takes the place of the old one; build/ and what npm brought stay.
tree=$run/root/gestor
git clone -q --no-hardlinks . "$tree.new"
git diff --binary HEAD | git -C "$tree.new" apply --index --allow-empty
if [[ -d $tree ]]; then
	for kept in build .local tests/contract/node_modules; do
		[[ ! -e $tree/$kept ]] || mv -T "$tree/$kept" "$tree.new/$kept"
	done
	rm -rf "$tree"
fi
mv -T "$tree.new" "$tree"

# shellcheck disable=SC2016 # for the shell inside
inside='
set -eu
cd "$1"
mount --make-rprivate /
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount --bind "$2" var/cache/apt/archives
exec chroot . /bin/sh -euc "
	update-ca-certificates >/dev/null 2>&1
	if ! [ -x /usr/bin/git ]; then
		apt-get -qq update
		DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends git make >/dev/null 2>&1
	fi
	cd /root/gestor
	exec /bin/bash -c \"\$1\"" sh "$3"
'
readarray -t environment < <(proxies)
status=0
isolated env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
	"${environment[@]}" sh -c "$inside" sh "$run" "$cache" "$command" 9>&- || status=$?
exit "$status"
