# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# live - every version that desks have run (tests/upgrade/versions.txt) is upgraded while it serves under load (tests/upgrade/live.js).
# The programs are built from this clone's history; a version that the history lacks is skipped, and the table says so.

run_live() {
	local schema commit built
	while read -r schema commit _; do
		[[ $schema != '#'* ]] || continue
		built=0
		tests/upgrade/old.sh "$commit" || built=$?
		case $built in
		0) DATABASE_SUPERUSER=$SUPERUSER_URL DATABASE_OWNER=$OWNER_URL DATABASE_SERVE=$SERVE_URL \
			step "live: from schema $schema" 240 node tests/upgrade/live.js "$schema" "build/versions/$commit" ;;
		3) printf '\n== live: from schema %s\n-- skipped: this clone has no commit %s (git fetch --unshallow)\n' "$schema" "$commit"
			table+="skipped           live: from schema $schema: no commit $commit in this clone"$'\n' ;;
		*) missing "live: from schema $schema" "commit $commit could not be built" ;;
		esac
	done <tests/upgrade/versions.txt
}
