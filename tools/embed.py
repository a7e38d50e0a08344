#!/usr/bin/python3
"""Turns files into C constants, so that the program is one file.

    tools/embed.py migrations build/migrations.c db/grants.sql db/migrations/*.sql
    tools/embed.py openapi build/openapi.c openapi.yaml
    tools/embed.py files build/docs.c api/docs/index.html api/docs/docs.css api/docs/docs.js
"""
import hashlib
import json
import os
import re
import sys

sys.dont_write_bytecode = True
import cstring  # noqa: E402

NOTE = "/* Made by tools/embed.py. */\n"


def read(path):
    with open(path, encoding="utf-8", newline="") as f:
        text = f.read()
    if "\0" in text:
        raise ValueError(f"{path}: a NUL character")
    return text


def migrations(out, grants, paths):
    rows, seen = [], {}
    for path in sorted(paths, key=os.path.basename):
        name = os.path.basename(path)
        match = re.fullmatch(r"(\d{4})_[a-z0-9_]+\.sql", name)
        if not match:
            raise ValueError(f"{path}: not named like 0001_schema.sql")
        version = match.group(1)
        if version in seen:
            raise ValueError(f"{path}: its number is taken by {seen[version]}")
        seen[version] = path
        rows.append((version, name, read(path)))
    if not rows:
        raise ValueError("no migrations")
    out.write(NOTE + "#include \"db/migrate.h\"\n\nconst struct migration migrations[] = {\n")
    for version, name, text in rows:
        out.write(f"\t{{ \"{version}\", \"{name}\",\n{cstring.literal(text, chr(9) * 2)} }},\n")
    out.write(f"}};\nconst int migrations_count = {len(rows)};\n\n"
              f"const char grants_sql[] =\n{cstring.literal(read(grants))};\n")


def loader():
    """YAML 1.2's core types and no more: 2025-05-03, yes and 12:30 are strings; a key twice is an error."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {}

        def construct_mapping(self, node, deep=False):
            out = {}
            for key_node, value_node in node.value:
                key = self.construct_object(key_node, deep=True)
                if isinstance(key, int) and not isinstance(key, bool):
                    key = str(key)  # 200: under responses
                if not isinstance(key, str):
                    raise ValueError(f"{key_node.start_mark}: a key that is no string")
                if key in out:
                    raise ValueError(f"{key_node.start_mark}: the key {key} for the second time")
                out[key] = self.construct_object(value_node, deep=True)
            return out

        def construct_yaml_map(self, node):
            return self.construct_mapping(node, deep=True)

    def resolve(tag, pattern, first):
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))

    resolve("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""])
    resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
    resolve("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789")
    resolve("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
            "-+.0123456789")
    Loader.add_constructor("tag:yaml.org,2002:map", Loader.construct_yaml_map)
    return Loader


def openapi(out, path):
    import yaml

    text = read(path)
    try:
        document = yaml.load(text, Loader=loader())
    except yaml.YAMLError as fault:
        raise ValueError(f"{path}: {fault}")
    if not isinstance(document, dict):
        raise ValueError(f"{path}: not a mapping")
    made = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    out.write(NOTE + "#include \"spec/openapi.h\"\n")
    for name, content in (("openapi_yaml", text), ("openapi_json", made)):
        out.write(f"\nconst char {name}_text[] =\n{cstring.literal(content)};\n"
                  f"const size_t {name}_length = sizeof({name}_text) - 1;\n"
                  f"const char {name}_tag[] = \"{hashlib.sha256(content.encode()).hexdigest()[:16]}\";\n")


def files(out, paths):
    """Each as file_NAME, its name's other characters made underscores; the tag is of the bytes."""
    out.write(NOTE + "#include \"resource/docs.h\"\n")
    for path in paths:
        text = read(path)
        name = re.sub(r"[^a-z0-9]", "_", os.path.basename(path).lower())
        length = len(text.encode("utf-8"))
        tag = hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
        out.write(f"\nconst struct file file_{name} = {{\n{cstring.literal(text)},\n"
                  f"\t{length}, \"{tag}\" }};\n")


def main():
    if len(sys.argv) >= 5 and sys.argv[1] == "migrations":
        make, args = migrations, (sys.argv[3], sys.argv[4:])
    elif len(sys.argv) == 4 and sys.argv[1] == "openapi":
        make, args = openapi, (sys.argv[3],)
    elif len(sys.argv) >= 4 and sys.argv[1] == "files":
        make, args = files, (sys.argv[3:],)
    else:
        sys.exit(__doc__)
    path = sys.argv[2]
    # Half a file must not look to make like one that is made.
    with open(path + ".part", "w", encoding="utf-8", newline="") as out:
        make(out, *args)
    os.replace(path + ".part", path)


if __name__ == "__main__":
    try:
        main()
    except (OSError, UnicodeError, ValueError) as fault:
        sys.exit(f"embed: {fault}")
