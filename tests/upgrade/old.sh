#!/bin/bash
# tests/upgrade/old.sh COMMIT - builds the program of that commit, once: build/versions/COMMIT/gestor.
# The exit status is 3 if this clone's history does not have the commit.
set -euo pipefail
cd "$(dirname "$0")/../.."
commit=$1 place=$PWD/build/versions/$1
[[ ! -x $place/gestor ]] || exit 0
git cat-file -e "$commit^{commit}" 2>/dev/null || exit 3
rm -rf "$place"
mkdir -p "$place/tree"
trap 'rm -rf "$place/tree"' EXIT
git archive "$commit" Makefile api db openapi.yaml tools | tar -x -C "$place/tree"
make -C "$place/tree" --no-print-directory -j"$(nproc)" build/gestor COMMIT="$commit" >"$place/build.log" 2>&1 ||
	{ tail -n 20 "$place/build.log" >&2; exit 1; }
cp "$place/tree/db/demo.sql" "$place/demo.sql"
cp "$place/tree/build/gestor" "$place/gestor"
