# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# sql-check - prepares and plans every statement of the program as the serving role.

run_sql_check() {
	migrate
	if ! tools/sql_prepare.py build/sql.c >"$tmp/prepare.sql"; then
		missing sql-check 'build/sql.c was not understood'
		return
	fi
	step_psql sql-check 60 "$(on "$SERVE_URL" "$template")" -f "$tmp/prepare.sql"
}
