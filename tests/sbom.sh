#!/bin/bash
# tests/sbom.sh PROGRAM - what tools/sbom.py writes of the program: each library that ldd
# names is in it, each with a package as dpkg knows it, and the same twice is the same.
set -euo pipefail
program=$1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

tools/sbom.py "$program" "$out/sbom.json"
tools/sbom.py "$program" "$out/again.json" >/dev/null
cmp "$out/sbom.json" "$out/again.json"

# The kernel's own page, linux-vdso, is no file.
ldd "$program" | awk '/\//{ n = split($1, part, "/"); print part[n] }' | sort -u >"$out/libraries"
jq -r '.components[].properties[] | select(.name == "gestor:library").value' "$out/sbom.json" | sort -u >"$out/listed"
diff "$out/libraries" "$out/listed"
grep -q '^libpq\.so' "$out/listed"

# Every package as it is installed, and every reference resolved.
jq -r '.components[] | select(.type == "library") | "\(.name) \(.version)"' "$out/sbom.json" | while read -r name version; do
	dpkg-query -W -f='${Version}\n' "$name" | grep -qxF -- "$version" || { echo "$name is not $version"; exit 1; }
done
jq -e '.bomFormat == "CycloneDX" and .specVersion == "1.5" and .version == 1
	and all(.components[]; has("type") and has("name") and has("bom-ref"))
	and all(.components[] | select(.type == "library"); .purl | startswith("pkg:deb/debian/"))
	and ([.components[]."bom-ref"] | length == (unique | length))
	and (.dependencies[0].dependsOn - [.components[]."bom-ref"] == [])
	and (.dependencies[0].dependsOn | length >= 5)' "$out/sbom.json" >/dev/null
