# shellcheck shell=bash disable=SC2154 # dir, nodes and pg_port are those of tools/ha.sh
# tools/ha-restore.sh - `tools/ha.sh restore INSTANT`, by the steps of docs/operations.md. To be sourced.

megabytes() { me du -sm "$1" 2>/dev/null | cut -f1; }
# room NODE - its disk must take the data once more, because those of before stay.
room() {
	local need left
	need=$(megabytes "$dir/$1/data") || need=0
	left=$(me df --output=avail -BM "$dir/$1" | tail -n1 | tr -dc 0-9)
	left=$((left + $(megabytes "$dir/$1/data.before" || echo 0)))
	((left > need)) || die "$dir/$1 has room for $left MB, and needs $need: nothing was changed"
}
erase() { DATABASE_URL=$(url gestor_owner owner_password gestor) in_node one "$dir/bin/gestor" erase "$@"; }
# give_back WHY - puts the data of before into their place again, and dies.
give_back() {
	local node
	for node in "${nodes[@]}"; do
		me test -d "$dir/$node/data.before" || continue
		me rm -rf "$dir/$node/data"
		me mv "$dir/$node/data.before" "$dir/$node/data"
	done
	me rm -f "$dir/restoring"
	[[ ! ${1-} ]] || die "$1; the state before is in its place again: make ha"
}
# backed_up EPOCH - whether a backup ended before then.
backed_up() {
	in_node one env "${variables[@]}" pgbackrest --stanza=gestor --output=json info |
		/usr/bin/python3 -c 'import json, sys; sys.exit(not any(b["timestamp"]["stop"] < float(sys.argv[1]) and not b.get("error") for s in json.load(sys.stdin) for b in s.get("backup", [])))' "$1"
}
# timeline - the number of that of the data there. The newest of the archive may be one of a restore that was given up.
timeline() {
	local node
	for node in "${nodes[@]}"; do
		! me test -d "$dir/$node/data" || in_node "$node" "$POSTGRESQL_BIN/pg_controldata" -D "$dir/$node/data"
	done | sed -nE "s/^(Latest checkpoint's TimeLineID|Min recovery ending loc's timeline): +//p" | sort -n | tail -n 1
}
restore() {
	local instant epoch node data=$dir/one/data variables settings primary history again=''
	# For PostgreSQL and for pgBackRest in one form. What names no zone is UTC.
	[[ $1 ]] || usage
	instant=$(TZ=UTC date -d "$1" '+%Y-%m-%d %H:%M:%S.%6N+00' 2>/dev/null) || die "'$1' is no instant such as '2026-11-27 02:08:00+00'"
	epoch=$(date -d "$instant" +%s)
	((epoch < EPOCHSECONDS)) || die "$instant is not in the past"
	me test -d "$data" || me test -d "$data.before" || die "$data is not there: make ha first"
	mapfile -t variables < <(me cat "$dir/one/node.env")
	backed_up "$epoch" || die "no backup ended before $instant (pgbackrest info): nothing was changed"
	# An earlier one that was broken off: begin anew from the data before it, of which its list tells, too.
	! me test -e "$dir/restoring" || again=yes
	[[ $again ]] || for node in "${nodes[@]}"; do room "$node"; done
	# 1. What must be erased again, as long as the present database can tell.
	if [[ ! $again ]] && writable; then
		# A minute earlier, for what was under way. A list that breaks off does not take the latest one's place.
		erase --since "$(date -u -d "@$((epoch - 60))" +%Y-%m-%dT%H:%M:%SZ)" | put "$dir/erased.new"
		me mv "$dir/erased.new" "$dir/erased.csv"
	elif me test -s "$dir/erased.csv"; then
		say "$dir/erased.csv tells which clients were erased since, as of $(date -r "$dir/erased.csv" '+%F %T %Z')"
	fi
	me test -s "$dir/erased.csv" || die "the database cannot tell which clients were erased: put the latest list into $dir/erased.csv"
	# 2. No PostgreSQL and no Gestor. etcd goes on.
	down {one,two}.gestor {one,two,three}.{disk,fence,patroni}
	end '/disk-check.sh$|/fence.sh$' '/bin/gestor$' '/patroni.yml$' '/data$'
	# 3. The backup, and the WAL up to that instant, on one node. What there was stays in data.before.
	[[ ! $again ]] || give_back
	history=$(timeline)
	for node in "${nodes[@]}"; do me rm -rf "$dir/$node/data.before"; done
	# From here to the end of step 7 there is nothing to serve from.
	me touch "$dir/restoring"
	for node in "${nodes[@]}"; do
		# A node that was lost may have none.
		! me test -d "$dir/$node/data" || me mv "$dir/$node/data" "$dir/$node/data.before"
	done
	me mkdir -m 700 "$data"
	in_node one env "${variables[@]}" pgbackrest --stanza=gestor --type=time --target="$instant" --target-timeline="$history" --target-action=promote restore ||
		give_back 'pgBackRest did not restore'
	# 4. The recovery, where no client can connect. The files of Patroni in the backup are those of the node that was backed up.
	settings="-c listen_addresses='' -c unix_socket_directories='$dir/one' -c port=$pg_port -c synchronous_standby_names=''"
	settings+=" -c hba_file='$data/pg_hba.conf' -c ident_file='$data/pg_ident.conf'"
	in_node one env "${variables[@]}" "$POSTGRESQL_BIN/pg_ctl" start -s -w -t 3600 -D "$data" -l "$dir/run/restore.log" -o "$settings" ||
		give_back "PostgreSQL does not start on the backup, or its archive ends before $instant ($dir/run/restore.log)"
	until recovered; do
		in_node one "$POSTGRESQL_BIN/pg_ctl" status -D "$data" >/dev/null ||
			give_back "the recovery ended before $instant ($dir/run/restore.log)"
		sleep 0.5
	done
	in_node one "$POSTGRESQL_BIN/pg_ctl" stop -s -w -m fast -D "$data"
	me sed -i -E '/^(restore_command|recovery_target)/d' "$data/postgresql.auto.conf"
	primary=$(ctl list gestor -f json 2>/dev/null | /usr/bin/python3 -c 'import json, sys; print(*[m["Member"] for m in json.load(sys.stdin) if "Leader" in m["Role"]])') ||
		primary=''
	# 5. Patroni forgets the cluster. Its settings are in the backup. It asks for the leader's name, too, if its key has not expired.
	ctl remove gestor <<<$'gestor\nYes I am aware\n'"$primary" >/dev/null || die 'patronictl remove failed'
	start_node one
	until_true 120 'a primary' leader >/dev/null
	# 6. The other nodes are made anew, and Gestor erases again what was erased since, before it serves.
	for node in two three; do start_node "$node"; done
	until_true 300 'a synchronous standby' synchronous
	until_true 60 'a primary that takes writes' writable
	erase --list "$dir/erased.csv"
	# 7. A session that ended since that instant would be open again.
	sql -d "$(conninfo gestor_owner gestor)" -c 'update gestor.session set ended_at = now() where ended_at is null'
	me rm "$dir/restoring"
	for node in one two; do start_gestor "$node"; done
	until_true 300 'two standbys' standbys
	until_true 60 'HAProxy and Gestor serve' serves
	say "restored to $instant. Now make a full backup. The state before is in $dir/*/data.before."
}
recovered() {
	[[ $(PGPASSFILE=$dir/secrets/pgpass in_node one "$POSTGRESQL_BIN/psql" -XAtq -h "$dir/one" -p "$pg_port" -U postgres -d postgres \
		-c 'select pg_is_in_recovery()' 2>/dev/null) == f ]]
}
