"""Text as C string literals, for sql2c.py and embed.py."""

# '?' is escaped because -std=c17 has trigraphs. Octal escapes always have three digits, so that a following digit is not
# read as part of them.
ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "?": "\\?"}


def escape(text):
    out = []
    for c in text:
        if c == "\0":
            raise ValueError("a NUL character")
        out.append(ESCAPES.get(c) or (f"\\{ord(c):03o}" if ord(c) < 32 or ord(c) == 127 else c))
    return "".join(out)


def literal(text, indent="\t", width=2000):
    """One literal for each line of text, long lines cut after width characters; the compiler joins them."""
    parts = []
    for line in text.splitlines(keepends=True):
        parts += [line[i:i + width] for i in range(0, len(line), width)]
    return "\n".join(f'{indent}"{escape(p)}"' for p in parts or [""])
