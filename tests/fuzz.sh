#!/bin/bash
# tests/fuzz.sh DIR - runs every built target of tests/fuzz for FUZZ_SECONDS (60) seconds, two at a time.
#
# A target's output goes to DIR/NAME.log, its exit status to DIR/NAME.status. An input that fails stays in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
export FUZZ_DIR=$1 FUZZ_SECONDS=${FUZZ_SECONDS:-60}

# shellcheck disable=SC2317 # xargs calls it
one() {
	local name=$1 status=0
	mkdir "$FUZZ_DIR/$name"
	timeout --foreground -k 10 $((FUZZ_SECONDS + 120)) "build/fuzz/$name" -max_total_time="$FUZZ_SECONDS" -timeout=30 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix="build/fuzz/$name-" "$FUZZ_DIR/$name" "tests/fuzz/corpus/$name" \
		>"$FUZZ_DIR/$name.log" 2>&1 || status=$?
	echo "$status" >"$FUZZ_DIR/$name.status"
}
export -f one
basename -s .c tests/fuzz/*.c | xargs -P 2 -I {} bash -c 'one {}'
