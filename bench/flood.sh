#!/bin/bash
# bench/flood.sh - measures how much one client that sends too much slows the others; `make bench FLOOD=1`.
#
# On a private cluster an advisor's client_search by phone runs at a fixed RATE (bench/open_loop.c measures each request from
# the time it was due). In every round it runs once alone and once beside each of these KINDS of load:
#   many    sign-ins with wrong passwords from many addresses (X-Forwarded-For) to many accounts, which no bucket stops:
#           argon2id runs at its limit, and the service refuses the rest
#   one     sign-ins from one address to one account, which the throttle stops
#   secrets wrong secrets of one machine account from many addresses, which no bucket stops: each is one statement
#   loop1   an integration that searches in a loop on one connection
#   loop8   the same on eight connections
# Sign-ins begin WARM seconds before the measurement, to use up the buckets' burst; the loops begin with the measurement and a
# full bucket. A ratio compares runs of the same round, so that the machine's noise affects both. The load generator (wrk, at
# most FLOOD_RATE sign-ins a second) runs with nice 19, on the processor time that is left. The output tells its share of
# two cores, and the service's memory.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/lib.sh
. tools/lib.sh
: "${CLIENTS:=20000}" "${ACCOUNTS:=500}" "${ROUNDS:=8}" "${SECONDS_EACH:=5}" "${RATE:=300}" "${FLOOD_RATE:=400}"
: "${GESTOR_BIN:=build/gestor}" "${WARM:=6}" "${KINDS:=many one secrets loop1 loop8}"

mkdir -p build/bench
tmp=$PWD/build/bench/flood
service='' flood=''
# shellcheck disable=SC2317 # a trap calls it
clean_up() {
	if [[ $flood ]] && kill -TERM "$flood" 2>/dev/null; then wait "$flood" || :; fi
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
DATABASE_URL=$OWNER_URL "$GESTOR_BIN" migrate
password=$(random_word 20)
DATABASE_URL=$OWNER_URL "$GESTOR_BIN" advisor add --username E8153375 --name 'ASESOR' --role advisor <<<"$password"
secret=$(DATABASE_URL=$OWNER_URL "$GESTOR_BIN" advisor add --username crm --name 'CRM' --role integration --rights client_read | tail -n 1)
run_psql "$OWNER_URL" -q -v clients="$CLIENTS" -v accounts="$ACCOUNTS" <<'SQL'
set search_path = gestor, pg_temp;
insert into client (name, document_type_id, document_type, document_number, phone)
select 'CLIENTE ' || n, t.id, t.choice, lpad(n::text, 8, '0'), '9' || lpad(n::text, 8, '0')
  from generate_series(1, :clients) n, choice('document_type', 'dni') t;
insert into advisor (username, full_name, role, password_hash)
select 'E7' || lpad(n::text, 6, '0'), 'ASESOR ' || n, 'advisor', a.password_hash
  from generate_series(0, :accounts - 1) n, advisor a where a.username = 'E8153375';
analyze;
SQL

port=$(free_port)
base=http://127.0.0.1:$port
DATABASE_URL=$SERVE_URL GESTOR_LISTEN=127.0.0.1:$port GESTOR_JWT_SECRET=$(random_word 48) GESTOR_ACCESS_TTL_S=3600 GESTOR_RATE_ADVISOR=1000000 \
	GESTOR_TRUSTED_PROXIES=127.0.0.1 "$GESTOR_BIN" serve 2>build/bench/flood.log &
service=$!
for ((try = 0; try < 200; try++)); do
	if ready "$base"; then break; fi
	sleep 0.05
done
token_of() {
	curl -sS "$base/v1/sessions" -H 'Content-Type: application/json' \
		-d "{\"username\":\"$1\",\"password\":\"$password\"}" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'
}
token=$(token_of E8153375)
machine_token=$(curl -sS "$base/v1/oauth/token" -u "crm:$secret" -d grant_type=client_credentials | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

# 40 connections, each with a pause between two sign-ins.
for kind in many one; do
	cat >"build/bench/flood_$kind.lua" <<END
local n, many = 0, "$kind" == "many"
delay = function() return $((40 * 1000 / FLOOD_RATE)) end
request = function()
	n = n + 1
	local user = many and n * 7919 % $ACCOUNTS or 1
	local address = many and string.format("10.%d.%d.%d", n / 65536 % 256, n / 256 % 256, n % 256) or "10.0.0.1"
	return wrk.format("POST", "/v1/sessions", {["Content-Type"] = "application/json", ["X-Forwarded-For"] = address},
		string.format('{"username":"E7%06d","password":"no-es-esta-clave"}', user))
end
done = function(summary) print("answered", summary.requests, summary.duration) end
END
done

cat >build/bench/flood_secrets.lua <<END
local n = 0
delay = function() return $((40 * 1000 / FLOOD_RATE)) end
request = function()
	n = n + 1
	return wrk.format("POST", "/v1/oauth/token", {["Content-Type"] = "application/x-www-form-urlencoded",
		["X-Forwarded-For"] = string.format("10.%d.%d.%d", n / 65536 % 256, n / 256 % 256, n % 256)},
		"grant_type=client_credentials&client_id=crm&client_secret=gsec_" .. n)
end
done = function(summary) print("answered", summary.requests, summary.duration) end
END

cat >build/bench/flood_loop.lua <<END
request = function()
	return wrk.format("GET", string.format("/v1/clients?phone=9%08d", math.random($CLIENTS)), {["Authorization"] = "Bearer $machine_token"})
end
done = function(summary) print("answered", summary.requests, summary.duration) end
END

# begin_flood KIND - starts the load in the background; sets $flood to its process id.
begin_flood() {
	local script=$1 connections=40 warm=$WARM
	case $1 in
	loop*) script=loop connections=${1#loop} warm=0 ;;
	esac
	nice -n 19 wrk -t1 -c"$connections" -d"$((SECONDS_EACH + warm + 1))" -s "build/bench/flood_$script.lua" "$base" >"build/bench/flood_$1.out" &
	flood=$!
	sleep "$warm"
}

ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
memory() { awk '/^Vm(HWM|RSS)/ { printf "%s %.1f MiB  ", $1, $2 / 1024 }' "/proc/$service/status"; }
# At real-time priority where that is allowed, because it stands for clients on other machines.
realtime=(chrt -f 5)
"${realtime[@]}" true 2>/dev/null || realtime=()
search() { "${realtime[@]}" build/bench/open_loop "$base" "$token" "$CLIENTS" "$RATE" "$SECONDS_EACH"; }
hertz=$(getconf CLK_TCK)

printf 'memory before: %s\n' "$(memory)"
search >build/bench/warm.txt
: >build/bench/flood.txt
for ((round = 1; round <= ROUNDS; round++)); do
	for kind in alone $KINDS; do
		[[ $kind == alone ]] || begin_flood "$kind"
		s=$(ticks "$service") g=0
		[[ ! $flood ]] || g=$(ticks "$flood")
		read -r p50 p99 bad <<<"$(search)"
		s=$((($(ticks "$service") - s) * 100 / hertz / SECONDS_EACH)) generator=0
		if [[ $flood ]]; then
			generator=$((($(ticks "$flood" 2>/dev/null || echo "$g") - g) * 100 / hertz / SECONDS_EACH))
			wait "$flood" || :
			flood=''
		fi
		printf 'round %d  %-5s  p50 %7s ms  p99 %7s ms  not 200: %s  of 200 %% CPU: service %3d, generator %2d%s\n' "$round" "$kind" \
			"$p50" "$p99" "$bad" "$s" "$generator" \
			"$([[ $kind == alone ]] || awk '/^answered/ { printf ", %d requests/s", $2 / ($3 / 1e6) }' "build/bench/flood_$kind.out")"
		printf '%s %s %s\n' "$kind" "$p50" "$p99" >>build/bench/flood.txt
	done
done
printf 'memory after:  %s\n' "$(memory)"
grep -o '"POST /v1/sessions[^"]*" [0-9]*\|POST /v1/sessions [0-9]*' build/bench/flood.log | awk '{ n[$NF]++ } END { for (s in n) printf "sign-ins answered %s: %d\n", s, n[s] }' || :
awk '$1 == "alone" { a50 = $2; a99 = $3; next } { print $1, $2 / a50, $3 / a99 }' build/bench/flood.txt |
	sort -k1,1 -k3,3n | awk '{ k = $1; n[k]++; r50[k] = r50[k] " " $2; r99[k, n[k]] = $3 }
	END { for (k in n) printf "%-5s p99 with this load / alone: min %.2f median %.2f max %.2f of %d rounds\n", k, r99[k, 1], r99[k, int((n[k] + 1) / 2)], r99[k, n[k]], n[k] }'
