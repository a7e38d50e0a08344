# shellcheck shell=bash
# What the scripts share. To be sourced, from bash, with the repository as working directory.

# The major versions of PostgreSQL that the service is for, the newest first.
postgresql_versions=(17 16 15)

# find_postgresql - the directory of the programs of the newest of these that is installed, or nothing. Debian
# has a directory for each version; elsewhere initdb may be on the PATH.
find_postgresql() {
	local version dir
	for version in "${postgresql_versions[@]}"; do
		dir=/usr/lib/postgresql/$version/bin
		[[ ! -x $dir/initdb ]] || { printf '%s\n' "$dir"; return; }
	done
	dir=$(command -v initdb) || return 0
	version=$("$dir" --version | sed -E 's/.* ([0-9]+).*/\1/')
	[[ " ${postgresql_versions[*]} " != *" $version "* ]] || dirname "$(readlink -f "$dir")"
}

# Where PostgreSQL's programs are: found, or told by the environment. Those of the PATH may be Debian's wrappers in
# Perl, which look for clusters first; the real ones start faster.
export POSTGRESQL_BIN=${POSTGRESQL_BIN:-$(find_postgresql)}
[[ ! $POSTGRESQL_BIN ]] || PATH=$POSTGRESQL_BIN:$PATH
# Debian has HAProxy and others in a directory that is not on the PATH of a user who is not root.
[[ :$PATH: == *:/usr/sbin:* ]] || PATH=$PATH:/usr/sbin

# need_postgresql - dies unless the server's programs are there.
need_postgresql() {
	[[ -x ${POSTGRESQL_BIN:-/nowhere}/initdb ]] || die "no PostgreSQL server is there: looked for initdb in" \
		"${POSTGRESQL_BIN:-/usr/lib/postgresql/VERSION/bin, VERSION being ${postgresql_versions[*]}, and on the PATH}" \
		"(tools/deps.sh run installs one)"
}

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# random_word N - N letters and digits.
random_word() {
	local word=
	while ((${#word} < $1)); do
		word+=$(head -c 64 /dev/urandom | base64 -w0 | tr -dc A-Za-z0-9)
	done
	printf '%s\n' "${word:0:$1}"
}

# port_taken HOST PORT - whether something listens there.
port_taken() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# free_port - one of 127.0.0.1 that nobody listens on. Below 32768, where the
# kernel begins to take ports for outgoing connections by itself.
free_port() {
	local port
	while :; do
		port=$((20000 + SRANDOM % 12000))
		port_taken 127.0.0.1 "$port" || break
	done
	printf '%s\n' "$port"
}

# with_url URL COMMAND... - runs a PostgreSQL program on a URL of the private
# cluster, with its password in the environment: arguments are for all to see.
with_url() {
	local url=$1 rest
	shift
	rest=${url#postgresql://}
	(
		unset "${!PG@}"
		export PGUSER=${rest%%:*} PGDATABASE=${rest##*/} PGCONNECT_TIMEOUT=10
		rest=${rest#*:}
		export PGPASSWORD=${rest%%@*}
		rest=${rest#*@} rest=${rest%%/*}
		export PGHOST=${rest%:*} PGPORT=${rest##*:}
		exec "$@"
	)
}
run_psql() { with_url "$1" psql -X -q -v ON_ERROR_STOP=1 "${@:2}"; }

# ready URL - whether the service there answers /readyz with 200.
ready() { [[ $(curl -s -o /dev/null -m 2 -w '%{http_code}' "$1/readyz") == 200 ]]; }
