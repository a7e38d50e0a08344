#!/usr/bin/python3
"""
tools/sbom.py PROGRAM OUT.json - writes the list of the program's libraries as CycloneDX 1.5 (JSON).

For every library that the loader would load (ldd): its Debian package with version and purl, and the licences that the
package's copyright file names where that is machine-readable (DEP-5). A library of no package is listed as a file with
its hash. The same program on the same system gives the same document, so it has neither a serial number nor a time.
"""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from urllib.parse import quote

# DEP-5's short names of licences and SPDX's identifiers; a licence that is not here is listed by its name.
SPDX = {
    "Apache-2.0": "Apache-2.0", "Artistic": "Artistic-1.0", "BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause",
    "CC0-1.0": "CC0-1.0", "Expat": "MIT", "GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later", "GPL-3": "GPL-3.0-only",
    "GPL-3+": "GPL-3.0-or-later", "ISC": "ISC", "LGPL-2": "LGPL-2.0-only", "LGPL-2+": "LGPL-2.0-or-later",
    "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later", "LGPL-3": "LGPL-3.0-only", "LGPL-3+": "LGPL-3.0-or-later",
    "MPL-2.0": "MPL-2.0", "PostgreSQL": "PostgreSQL", "Zlib": "Zlib",
}


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}).stdout


def libraries(program):
    """{name: path}; exits if the loader does not find one."""
    found = {}
    for line in run("ldd", program).splitlines():
        if "not found" in line:
            sys.exit(f"sbom.py: {line.strip()}")
        match = re.match(r"\s*(?:(\S+) => )?(/\S+) \(0x", line)
        if match:
            found[os.path.basename(match[1] or match[2])] = os.path.realpath(match[2])
    return found


def needed(program):
    """The libraries that the program itself names, in its order."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-dW", program))


def owner(path):
    """The name of the file's package, or None. /lib is a link to /usr/lib, and dpkg may list the file under either."""
    for known in (path, re.sub(r"^/usr/", "/", path)):
        done = subprocess.run(["dpkg-query", "-S", known], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.split(": ")[0].split(",")[0]
    return None


def licences(package):
    """The licences of the copyright file's License fields, each once, in the file's order."""
    try:
        with open(f"/usr/share/doc/{package}/copyright", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return []
    if not re.match(r"\s*Format(-Specification)?:", text):
        return []
    # The licence of debian/* covers only the packaging, which is not linked.
    names = []
    for paragraph in re.split(r"\n\s*\n", text):
        files = re.search(r"^Files:\s*(.*(?:\n[ \t].*)*)", paragraph, re.M)
        name = re.search(r"^License:[ \t]*(\S.*)$", paragraph, re.M)
        if files and name and not all(f.startswith("debian/") for f in files[1].split()):
            if name[1].strip() not in names:
                names.append(name[1].strip())
    return [{"license": {"id": SPDX[n]} if n in SPDX else {"name": n}} for n in names]


def component(package, files):
    version, source, arch, homepage = run(
        "dpkg-query", "-W", "-f=${Version}\t${source:Package}\t${Architecture}\t${Homepage}", package).split("\t")
    name = package.split(":")[0]
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={arch}"
    one = {
        "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
        "properties": [{"name": "gestor:library", "value": f} for f in sorted(files)] +
                      [{"name": "gestor:debian-source", "value": source}],
    }
    if licences(name):
        one["licenses"] = licences(name)
    if homepage:
        one["externalReferences"] = [{"type": "website", "url": homepage}]
    return one


def sha256(path):
    with open(path, "rb") as file:
        return {"alg": "SHA-256", "content": hashlib.sha256(file.read()).hexdigest()}


def main(program, out):
    found = libraries(program)
    packages, components, refs = {}, [], {}
    for name, path in found.items():
        package = owner(path)
        if package:
            packages.setdefault(package, []).append(name)
        else:
            refs[name] = f"file:{name}"
            components.append({"type": "file", "bom-ref": refs[name], "name": name, "hashes": [sha256(path)],
                               "properties": [{"name": "gestor:library", "value": name}]})
    for package, files in packages.items():
        components.append(component(package, files))
        refs.update({name: components[-1]["bom-ref"] for name in files})
    components.sort(key=lambda c: c["name"])
    version = run(program, "version").split()[1]
    root = f"pkg:generic/gestor@{version}"
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": root, "name": "gestor", "version": version, "purl": root,
            "hashes": [sha256(program)], "properties": [{"name": "gestor:machine", "value": platform.machine()}]}},
        "components": components,
        # Only direct dependencies: the other libraries are needed by these.
        "dependencies": [{"ref": root, "dependsOn": list(dict.fromkeys(refs[n] for n in needed(program) if n in refs))}],
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2, ensure_ascii=False)
        file.write("\n")
    print(f"{out}: {len(components)} components, {len(found)} libraries, "
          f"{sum('licenses' in c for c in components)} with licences")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(sys.argv[1], sys.argv[2])
