# shellcheck shell=bash
# What the scripts share. To be sourced, from bash, with the repository as working directory.

# Debian's psql is a wrapper in Perl that looks for clusters first; the real one starts faster.
PATH=/usr/lib/postgresql/15/bin:$PATH

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
