#!/bin/bash
# tests/run.sh STEP... - runs steps of `make test` and `make check` on a PostgreSQL cluster of its own.
#
# tests/steps has a file for each step, whose head says what it proves. The Makefile lists the steps of each target.
# All steps run, also after one has failed. The last line is `N passed, N failed`; the exit status is 0 if none failed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
export LC_ALL=C.UTF-8
unset "${!PG@}" "${!GESTOR_@}" DATABASE_URL DATABASE_URL_FILE MAKEFLAGS MFLAGS MAKELEVEL
export GESTOR_BIN=$PWD/build/gestor
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
# The npm tools look for no newer version of themselves and send no telemetry.
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

every=(tests/steps/*.sh)
every=("${every[@]##*/}")
every=("${every[@]%.sh}")
(($#)) || die "usage: tests/run.sh STEP..., of ${every[*]}"
for name; do
	[[ -f tests/steps/$name.sh ]] || die "there is no step '$name': ${every[*]}"
	# shellcheck source=/dev/null
	. "tests/steps/$name.sh"
done
[[ -x build/gestor ]] || die "build/gestor is not there: make build"

mkdir -p build/test
exec 9>build/test/lock
flock -n 9 || die "tests are already running in this directory"

# ---- The cluster: started here, removed at every end

server='' current='' fuzzing=''
# end_group ID - ends a process group. It does not wait for zombies: in a container, init may reap them late or never.
end_group() {
	kill -TERM -- "-$1" 2>/dev/null || return 0
	local try
	for ((try = 0; try < 40; try++)); do
		grep -qsE "^[0-9]+ \(.*\) [^ZX] [0-9]+ $1 " /proc/[0-9]*/stat || return 0
		sleep 0.05
	done
	kill -KILL -- "-$1" 2>/dev/null || :
}
remove_cluster() {
	[[ ! -d $1/pg ]] || setsid -w tools/cluster.sh stop "$1/pg" 9>&- || :
	rm -rf "$1"
}
# shellcheck disable=SC2317 # a trap calls it
clean_up() {
	trap '' INT TERM HUP PIPE
	[[ ! $current ]] || end_group "$current"
	[[ ! $server ]] || end_group "$server"
	[[ ! $fuzzing ]] || end_group "$fuzzing"
	remove_cluster "$tmp"
}
for left in build/test/tmp.*; do
	[[ ! -d $left ]] || remove_cluster "$left"
done
tmp=$(mktemp -d "$PWD/build/test/tmp.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
trap 'exit 141' PIPE
chmod 711 "$tmp"
setsid -w tools/cluster.sh start "$tmp/pg" --fast-unsafe 9>&-
OWNER_URL='' SERVE_URL='' SUPERUSER_URL=''
# shellcheck source=/dev/null
. "$tmp/pg.env"

for url in "$OWNER_URL" "$SERVE_URL" "$SUPERUSER_URL"; do
	sed -E 's#.*//([^:]+):([^@]+)@([^:]+):([0-9]+)/.*#\3:\4:*:\1:\2#' <<<"$url"
done >"$tmp/pgpass"
chmod 600 "$tmp/pgpass"
run_psql "$SUPERUSER_URL" -c 'grant gestor_api to gestor_owner'

# ---- The steps

# One stream for all output keeps its order. The copy is for the end, which repeats what failed steps said last.
exec > >(tee "$tmp/output" 9>&-) 2>&1
# shellcheck source=tests/lib.sh
. tests/lib.sh

[[ " $* " != *' fuzz '* ]] || begin_fuzz
for name; do
	"run_${name//-/_}"
done

# last_words - the last lines of each failed step. Whoever sees only the end of a long log needs them.
last_words() {
	awk -v most=25 '
		/^== / { n = 0 }
		{ line[++n] = $0 }
		/^-- / { print ""; for (i = (n > most ? n - most : 1); i <= n; i++) print line[i]; n = 0 }' "$tmp/output"
}
((failed == 0)) || last_words
printf '\n%s\n' "$table"
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
