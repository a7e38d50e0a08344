#!/bin/bash
# tests/fuzz.sh DIR - every target of tests/fuzz, which are built: a minute each, FUZZ_SECONDS=60.
#
# What each said is in DIR/NAME.log, its exit status in DIR/NAME.status. An input that fails
# stays in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1

for source in tests/fuzz/*.c; do
	name=$(basename "$source" .c) status=0
	mkdir "$dir/$name"
	timeout -k 10 $((${FUZZ_SECONDS:-60} + 120)) "build/fuzz/$name" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=30 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix="build/fuzz/$name-" "$dir/$name" "tests/fuzz/corpus/$name" \
		>"$dir/$name.log" 2>&1 || status=$?
	echo "$status" >"$dir/$name.status"
done
