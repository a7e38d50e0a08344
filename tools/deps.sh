#!/bin/bash
# tools/deps.sh SET... - sees to it that the Debian packages of these sets are there.
#
# When all of them are it says nothing and takes some hundredths of a second.
# What is missing is installed by apt-get, with sudo when not root; where that
# cannot be done, it is named and the exit status is 1.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh

build='gcc libc6-dev make pkg-config python3 python3-yaml
	libcivetweb-dev libjansson-dev libjwt-dev libsodium-dev libpq-dev libunistring-dev libcurl4-openssl-dev'
# postgresql stands for postgresql-17, -16 or -15.
run='postgresql curl jq ca-certificates util-linux'
test='libcmocka-dev nodejs pgbouncer prometheus haproxy openssl'
contract='npm chromium'
lint='clang-format cppcheck shellcheck binutils systemd haproxy openssl'
fuzz='clang libclang-rt-dev'
valgrind='valgrind libc6-dbg'
cost='valgrind libc6-dbg strace'
bench='wrk'
peers='golang-go golang-github-gin-gonic-gin-dev golang-github-jackc-pgx-v4-dev golang-github-golang-jwt-jwt-dev
	cargo rustc librust-hyper-dev librust-tokio-postgres-dev librust-tokio-dev librust-jsonwebtoken-dev librust-serde-dev
	librust-serde-json-dev librust-chrono-dev librust-futures-util-dev nodejs npm'
fault='nodejs haproxy openssl faketime'
ha='patroni python3-etcd etcd-server etcd-client haproxy openssl pgbackrest iproute2 procps'
containers='podman podman-compose runc netavark aardvark-dns iptables nodejs curl jq debootstrap openssl python3 python3-yaml util-linux'
deb='build-essential debhelper dpkg-dev lintian'

wanted=()
for set in "${@:-build}"; do
	case $set in
	build) words=$build ;;
	run) words="$build $run" ;;
	test) words="$build $run $test" ;;
	contract) words="$build $run $test $contract" ;;
	lint) words="$build $lint" ;;
	fuzz) words="$build $fuzz" ;;
	valgrind) words="$build $run $valgrind" ;;
	cost) words="$build $run $cost" ;;
	bench) words="$build $run $bench" ;;
	peers) words="$build $run $bench $peers" ;;
	fault) words="$build $run $fault" ;;
	ha) words="$build $run $ha" ;;
	deb) words="$build $deb" ;;
	containers) words=$containers ;;
	*) die "no set of packages is called '$set': build, run, test, contract, lint, fuzz, valgrind, cost, bench, peers, fault, ha, deb, containers" ;;
	esac
	# shellcheck disable=SC2206
	wanted+=($words)
done

# Any Node.js from 18 on will do, wherever it came from.
have_node() {
	local version
	version=$(node --version 2>/dev/null) && version=${version#v} && ((${version%%.*} >= 18))
}

missing=()
if command -v dpkg-query >/dev/null; then
	# shellcheck disable=SC2016
	have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || :)
else
	have=
fi
for name in "${wanted[@]}"; do
	if [[ $name == postgresql ]]; then
		# Debian's metapackage of this name says nothing of the version.
		[[ -x ${POSTGRESQL_BIN:-/nowhere}/initdb || " ${missing[*]} " == *" postgresql "* ]] || missing+=(postgresql)
		continue
	fi
	[[ $'\n'$have$'\n' == *$'\n'"installed $name"$'\n'* ]] && continue
	[[ " ${missing[*]} " == *" $name "* ]] && continue
	[[ $name == nodejs ]] && have_node && continue
	# Debian's draws in 390 packages, 55 MB; any other, such as the one beside another Node.js, does as well.
	[[ $name == npm ]] && command -v npm >/dev/null && continue
	missing+=("$name")
done
((${#missing[@]})) || exit 0

# by_hand WHY SUDO [PACKAGE...] - names these packages, or all that are missing, and gives up.
by_hand() {
	local named=("${@:3}")
	((${#named[@]})) || named=("${missing[@]}")
	cat >&2 <<-END
		$1

		    ${named[*]}

		On Debian 12 and 13 this installs all that is missing, as root:

		    $2apt-get install --no-install-recommends ${missing[*]}

		The program is built and tested on Debian 12 and 13 with those releases' versions.
	END
	exit 1
}

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	by_hand "This system has no apt-get. What is missing, by its names in Debian:" ""
fi
as_root=()
if ((EUID != 0)); then
	command -v sudo >/dev/null ||
		by_hand "These packages are missing, and there is neither root nor sudo to install them:" ""
	as_root=(sudo)
fi

say "Installing: ${missing[*]}" >&2
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
"${as_root[@]}" "${apt[@]}" update || say "apt-get update failed; going on with the lists there are." >&2
# candidate NAME - the archive has this package.
candidate() { [[ $(LC_ALL=C apt-cache policy "$1") == *'Candidate: '[!\(]* ]]; }
# The newest PostgreSQL that it has and that the service is for.
server=''
for version in "${postgresql_versions[@]}"; do
	[[ ! $server ]] && candidate "postgresql-$version" && server=postgresql-$version
done
either=${postgresql_versions[*]/#/or postgresql-} either=${either#or }
chosen=() absent=()
for name in "${missing[@]}"; do
	[[ $name != postgresql ]] || name=${server:-"($either)"}
	if candidate "$name"; then chosen+=("$name"); else absent+=("$name"); fi
done
((${#absent[@]} == 0)) || by_hand "This system's archive does not have:" "${as_root[*]:+sudo }" "${absent[@]}"

# Debian's package of PostgreSQL makes and starts a cluster of its own when it
# is installed. Nobody asked for that one.
drop_in=/etc/postgresql-common/createcluster.d/no-main-cluster-for-now.conf
no_cluster=0
# Nor for the services of packages of which only the programs are wanted here: they are neither started now nor when the
# machine starts.
services=()
for name in prometheus pgbouncer haproxy patroni etcd-server pgbackrest; do
	[[ " ${chosen[*]} " != *" $name "* ]] || services+=("${name%-server}.service")
done
policy=/usr/sbin/policy-rc.d
no_start=0
undo() {
	if ((no_start)); then "${as_root[@]}" rm -f "$policy"; fi
	if ((no_cluster)); then
		"${as_root[@]}" rm -f "$drop_in"
		"${as_root[@]}" rmdir --ignore-fail-on-non-empty "${drop_in%/*}"
	fi
}
trap undo EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if ((${#services[@]})) && [[ ! -e $policy ]]; then
	no_start=1
	"${as_root[@]}" tee "$policy" >/dev/null <<<$'#!/bin/sh\nexit 101'
	"${as_root[@]}" chmod 755 "$policy"
fi
if [[ " ${chosen[*]} " == *" postgresql-"* ]]; then
	no_cluster=1
	"${as_root[@]}" mkdir -p "${drop_in%/*}"
	"${as_root[@]}" tee "$drop_in" >/dev/null <<<'create_main_cluster = false'
fi
"${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "${chosen[@]}" >&2 ||
	by_hand "apt-get could not install all of these:" "${as_root[*]:+sudo }"
if ((${#services[@]})) && command -v systemctl >/dev/null; then
	"${as_root[@]}" systemctl --quiet disable "${services[@]}" >&2 || :
fi
