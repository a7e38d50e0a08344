# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# sql - tests/sql/*.sql, each in a migrated database of its own, connected as gestor_owner, who may `set role gestor_api`.

run_sql() {
	local file name
	compgen -G 'tests/sql/*.sql' >/dev/null || { missing sql 'tests/sql holds no test'; return; }
	migrate
	for file in tests/sql/*.sql; do
		name=$(basename "$file" .sql)
		if ! database "\"sql_$name\"" template "$template"; then
			missing "sql: $name" 'has no migrated database'
			continue
		fi
		step_psql "sql: $name" 300 "$(on "$OWNER_URL" "sql_$name")" -f "$file"
	done
}
