#!/bin/bash
# bench/run.sh - the service under wrk against the bound that PostgreSQL sets alone.
#
# On a private cluster with CLIENTS clients, in alternating rounds of one run:
#   S  requests a second of GET /v1/clients?phone=, everything on
#   P  transactions a second of the very same statement by pgbench -M prepared
# Both use the same two cores, so only their ratio says something.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
: "${CLIENTS:=20000}" "${ROUNDS:=5}" "${SECONDS_EACH:=4}" "${CONNECTIONS:=16}"
pgbench=/usr/lib/postgresql/15/bin/pgbench
[[ -x $pgbench ]] || pgbench=pgbench

mkdir -p build/bench
tmp=$PWD/build/bench/cluster
service=''
# shellcheck disable=SC2317 # a trap calls it
clean_up() {
	if [[ $service ]] && kill -TERM "$service" 2>/dev/null; then wait "$service" || :; fi
	tools/cluster.sh stop "$tmp" || :
	rm -rf "$tmp" "$tmp".*
}
trap clean_up EXIT
rm -rf "$tmp" "$tmp".*
tools/cluster.sh start "$tmp" --fast-unsafe
OWNER_URL='' SERVE_URL=''
# shellcheck source=/dev/null
. "$tmp.env"
DATABASE_URL=$OWNER_URL build/gestor migrate
word=$(random_word 20)
DATABASE_URL=$OWNER_URL build/gestor advisor add --username E8153375 --name 'ASESOR' --role advisor <<<"$word"
run_psql "$OWNER_URL" -q -v clients="$CLIENTS" <<'SQL'
set search_path = gestor, pg_temp;
insert into client (name, document_type_id, document_type, document_number, phone)
select 'CLIENTE ' || n, t.id, t.choice, lpad(n::text, 8, '0'), '9' || lpad(n::text, 8, '0')
  from generate_series(1, :clients) n, choice('document_type', 'dni') t;
analyze client, client_phone;
SQL

port=$(free_port)
base=http://127.0.0.1:$port
DATABASE_URL=$SERVE_URL GESTOR_LISTEN=127.0.0.1:$port GESTOR_JWT_SECRET=$(random_word 48) \
	build/gestor serve 2>build/bench/service.log &
service=$!
for ((try = 0; try < 200; try++)); do
	if ready "$base"; then break; fi
	sleep 0.05
done
token=$(curl -sS "$base/v1/sessions" -H 'Content-Type: application/json' \
	-d "{\"username\":\"E8153375\",\"password\":\"$word\"}" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

# The statement as the program has it; its parameters become pgbench's variables.
cat >build/bench/search.lua <<END
local n = 0
request = function()
	n = n + 1
	return wrk.format("GET", string.format("/v1/clients?phone=9%08d", n * 7919 % $CLIENTS + 1),
		{["Authorization"] = "Bearer $token"})
end
END
{
	printf '\\set n random(1, %d)\n' "$CLIENTS"
	/usr/bin/python3 tools/sql_prepare.py --text client_search_phone build/sql.c |
		sed "s/\$1/(900000000 + :n)::text/g; s/\$[23]/null/g; s/\$4/'15'/g" | tr '\n' ' '
	echo ';'
} >build/bench/search.sql

rounds=()
for ((round = 1; round <= ROUNDS; round++)); do
	s=$(wrk -t1 -c"$CONNECTIONS" -d"$SECONDS_EACH" -s build/bench/search.lua "$base" |
		awk '/Non-2xx/ { bad = 1 } /Requests\/sec/ { n = $2 } END { print bad ? 0 : n }')
	p=$(PGOPTIONS='-c search_path=gestor,pg_temp' "$pgbench" -n -M prepared -c4 -j2 -T"$SECONDS_EACH" \
		-f build/bench/search.sql "$SERVE_URL" 2>&1 | awk '/^tps/ { print $3 }')
	ratio=$(awk -v s="$s" -v p="$p" 'BEGIN { printf "%.3f", s / p }')
	printf 'round %d   S %9.0f/s   P %9.0f/s   S/P %s\n' "$round" "$s" "$p" "$ratio"
	rounds+=("$ratio")
done
printf '%s\n' "${rounds[@]}" | sort -n | awk '{ a[NR] = $1 } END { printf "client_search by phone, %d rounds: S/P min %s median %s max %s\n", NR, a[1], a[int((NR + 1) / 2)], a[NR] }'
