# shellcheck shell=bash
# What the scripts share that work on a bare Debian in a directory. To be sourced after tools/lib.sh, with the repository as
# working directory. It needs root.
#
# debootstrap makes the bare system of a release once, in $places/RELEASE ($DEBIAN_DIR, or build/debian); the scripts work
# on copies. $places/RELEASE.cache has the packages that apt-get fetched. Remove RELEASE to begin with the archive's packages of today.
#
# Mirror, proxy and certificates are those of this system: apt's sources and Acquire settings, /etc/resolv.conf, and the
# certificates in /usr/local/share/ca-certificates. The keys of RELEASE must be in this system's debian-archive-keyring (Debian
# 12's has Debian 13's since version 2023.3+deb12u2); debootstrap makes nothing without a signature.

debian_keys=/usr/share/keyrings/debian-archive-keyring.gpg

# debian_begin RELEASE - finds out whether this system can do it; sets release, places, base (the bare system's directory)
# and cache, and locks them against other runs (file descriptor 9).
debian_begin() {
	release=$1
	[[ $release =~ ^[a-z]+$ ]] || die "'$release' is no name of a Debian release: bookworm, trixie"
	((EUID == 0)) || die 'debootstrap and chroot need root'
	local tool
	for tool in debootstrap apt-get unshare git; do
		command -v "$tool" >/dev/null || die "$tool is not there: apt-get install debootstrap apt util-linux git"
	done
	[[ -e $debian_keys ]] || die "$debian_keys is not there: apt-get install debian-archive-keyring"
	places=${DEBIAN_DIR:-build/debian}
	mkdir -p "$places"
	places=$(cd "$places" && pwd)
	base=$places/$release cache=$places/$release.cache
	umask 022
	mkdir -p "$cache"
	exec 9>"$base.lock"
	flock -n 9 || die "another program is using $base"
	[[ -d $base ]] || debian_make
}

# debian_sources - this system's sources of Debian's packages, for the release: lines of sources.list.
debian_sources() {
	local here
	# shellcheck disable=SC1091
	here=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(ORIGIN) $(SITE) $(CODENAME) $(COMPONENT)' 'Identifier: Packages' |
		awk -v here="$here" -v there="$release" -v keys="$debian_keys" '
			$1 == "Debian" && sub("^" here, there, $3) && $4 == "main" && !had[$0]++ {
				print "deb [signed-by=" keys "] " $2, $3, $4
			}'
}

# debian_apt_settings - how this system fetches packages.
debian_apt_settings() { apt-config dump | grep -E '^Acquire::(http|https|Retries|ForceIPv[46]|Check-Valid-Until|Check-Date)[: ]' || :; }

# debian_proxies - NAME=VALUE of the environment that say how the network and npm's registry are reached.
debian_proxies() { env | grep -iE '^((https?|no|all)_proxy|npm_config_[a-z_]+|NODE_EXTRA_CA_CERTS)=' || :; }

# isolated COMMAND... - with mounts and processes of its own, all of which end with it. `isolate` may have further namespaces.
isolate=()
isolated() { unshare "${isolate[@]}" --mount --pid --ipc --fork --kill-child "$@"; }

debian_make() {
	local list mirror
	list=$(debian_sources)
	[[ $list ]] || die "apt knows no source of Debian's packages on this system: apt-get update"
	mirror=$(awk -v suite="$release" '$4 == suite { print $3; exit }' <<<"$list")
	[[ $mirror ]] || die "no source of this system has the main archive of $release"
	say "Making $base" >&2
	rm -rf "$base.new"
	isolated env "http_proxy=${http_proxy-$(apt-config shell p Acquire::http::Proxy | sed -E "s/^p='(.*)'/\1/")}" \
		debootstrap --force-check-gpg --keyring="$debian_keys" --variant=minbase --include=ca-certificates \
		"$release" "$base.new" "$mirror" >"$base.log" 2>&1 || {
		tail -n 15 "$base.log" >&2
		die "debootstrap could not make $release (all it said: $base.log)"
	}
	mv -T "$base.new" "$base"
}

# debian_copy ROOT - copies the bare system to ROOT, unless ROOT has one already, and tells it how packages are fetched.
debian_copy() {
	local run=$1 file
	[[ -d $run/etc ]] || { mkdir -p "$run" && cp -a --reflink=auto "$base/." "$run"; }
	rm -f "$run/etc/apt/sources.list" "$run/etc/apt/sources.list.d/"* "$run/etc/resolv.conf"
	debian_sources >"$run/etc/apt/sources.list"
	debian_apt_settings >"$run/etc/apt/apt.conf.d/90as-outside"
	cat /etc/resolv.conf >"$run/etc/resolv.conf"
	cat /etc/hosts >"$run/etc/hosts"
	for file in /usr/local/share/ca-certificates/*.crt /root/.npmrc /etc/npmrc; do
		[[ ! -f $file ]] || install -D -m 644 "$file" "$run$file"
	done
}

# debian_run ROOT COMMAND - runs a shell command in ROOT. It has mount, process and IPC namespaces of its own: when it ends,
# however that happens, the kernel kills every process that it left and removes the mounts. It shares the network. There is no
# systemd, so nothing can be started as a service.
debian_run() {
	local environment inside
	readarray -t environment < <(debian_proxies)
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
		exec chroot . /bin/bash -euc "
			update-ca-certificates >/dev/null 2>&1
			cd /root
			exec /bin/bash -c \"\$1\"" bash "$3"
	'
	isolated env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" \
		"${environment[@]}" sh -c "$inside" sh "$1" "$cache" "$2" 9>&-
}
