#!/usr/bin/python3
"""tools/manpage.py PROGRAM - writes gestor(1): docs/gestor.1 with what PROGRAM --help says of commands and settings.

docs/gestor.1 has a line `.\\" @commands@` and a line `.\\" @settings@` where they are to stand.
"""
import re
import subprocess
import sys


def roff(text):
    """Text as roff takes it literally."""
    return re.sub(r"^([.'])", r"\\&\1", text.replace("\\", "\\e").replace("-", "\\-"), flags=re.M)


def main():
    program = sys.argv[1]
    help_ = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
    version = subprocess.run([program, "version"], check=True, capture_output=True, text=True).stdout.split()[1]
    usage, settings = help_.split("\nEnvironment:\n")
    usage = re.sub(r"^(usage:|      ) ", "", usage, flags=re.M)
    names = re.findall(r"^  ([A-Z_]+) +(.+)$", settings, flags=re.M)
    if len(names) != settings.rstrip("\n").count("\n") + 1:
        sys.exit("tools/manpage.py: a line of --help is no setting")
    texts = {
        "commands": ".nf\n" + roff(usage).rstrip("\n") + "\n.fi\n",
        "settings": "".join(f".TP\n.B {roff(name)}\n{roff(text)}\n" for name, text in names),
        "version": version,
    }
    with open("docs/gestor.1", encoding="utf-8") as file:
        page = file.read()
    page = re.sub(r'^\.\\" @(\w+)@\n', lambda m: texts[m[1]], page, flags=re.M)
    sys.stdout.write(page.replace("@version@", version))


main()
