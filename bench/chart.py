#!/usr/bin/python3
"""bench/chart.py FILE.json FILE.svg - draws what run.sh or growth.sh measured."""
import json
import sys
from html import escape

STYLE = ("<style>text{font:14px system-ui,'DejaVu Sans',sans-serif;fill:#222}.head{font-size:18px;font-weight:600}"
         ".small{font-size:12px;fill:#666}.end{text-anchor:end}.mid{text-anchor:middle}</style>")


class Svg:
    def __init__(self, width, height):
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
                      STYLE, f'<rect width="{width}" height="{height}" fill="#fff"/>']

    def text(self, x, y, words, kind=""):
        self.parts.append(f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}">{escape(words)}</text>')

    def rect(self, x, y, width, height, fill):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>')

    def line(self, x1, y1, x2, y2, stroke, more=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" {more}/>')

    def dot(self, x, y):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#fff" stroke="#123" stroke-width="1.5"/>')

    def write(self, path):
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join([*self.parts, "</svg>", ""]))


def axis(svg, left, top, bottom, x_of, marks, form):
    for mark in marks:
        svg.line(x_of(mark), top, x_of(mark), bottom, "#e4e4e4" if mark else "#888")
        svg.text(x_of(mark), bottom + 18, form.format(mark), "small mid")


def result(d):
    left, row, top = 300, 46, 92
    bottom = top + row * len(d["works"])
    most = max(1.1, *(w["ratio"]["max"] for w in d["works"]))
    svg = Svg(left + 620, bottom + 40)

    def x_of(v):
        return left + v / most * 500
    svg.text(16, 30, "The service's rate as a share of what PostgreSQL and civetweb alone allow", "head")
    svg.text(16, 52, f"{d['opportunities']:,} opportunities, {d['connections']} connections, {d['processors']} processors, "
             f"{d['rounds']} rounds of {d['seconds_each']} s each, {d['at'][:10]}", "small")
    svg.text(16, 72, "Bar: median; whiskers: minimum and maximum; dot: by processor time; red: the required minimum; green dashes: the aim", "small")
    axis(svg, left, top, bottom, x_of, [m / 10 for m in range(0, int(most * 10) + 1, 2)], "{:.1f}")
    for i, w in enumerate(d["works"]):
        y, r = top + i * row, w["ratio"]
        what = {"bound": "of 1/(1/H + 1/P)", "H": "of H, civetweb alone", "P": "of P, the statements alone"}[w["against"]]
        svg.text(left - 12, y + 20, w["title"], "end")
        svg.text(left - 12, y + 36, what, "small end")
        svg.rect(x_of(0), y + 10, x_of(r["median"]) - x_of(0), row - 20, "#4a7fb5" if r["median"] >= (w["bar"] or 0) else "#c98a5a")
        middle = y + row / 2
        svg.line(x_of(r["min"]), middle, x_of(r["max"]), middle, "#123")
        for end in (r["min"], r["max"]):
            svg.line(x_of(end), middle - 5, x_of(end), middle + 5, "#123")
        if w["bar"]:
            svg.line(x_of(w["bar"]), y + 4, x_of(w["bar"]), y + row - 4, "#c22", 'stroke-width="2.5"')
        if w["aim"]:
            svg.line(x_of(w["aim"]), y + 4, x_of(w["aim"]), y + row - 4, "#2a2", 'stroke-width="2.5" stroke-dasharray="5 3"')
        svg.dot(x_of(w["median"]["cpu_ratio"]), middle)
        svg.text(left + 520, y + 28, f"{r['median']:.2f}   {w['median']['S']:,.0f}/s")
    return svg


def growth(d):
    sizes, colours = d["sizes"], ["#9dbfdf", "#4a7fb5", "#1d4a78", "#888", "#bbb"]
    left, bar, top = 300, 16, 92
    row = bar * len(sizes) + 18
    bottom = top + row * len(d["works"])
    most = 1.05 * max(v for w in d["works"] for v in w["p50_us"].values()) / 1000
    svg = Svg(left + 620, bottom + 40)

    def x_of(v):
        return left + v / most * 480
    svg.text(16, 30, "Median time of an answer in ms, by the number of opportunities", "head")
    svg.text(16, 52, f"{d['connections']} connections, {d['processors']} processors, {d['rounds']} rounds of "
             f"{d['seconds_each']} s each, {d['at'][:10]}; red: {d['bar']} times the smallest", "small")
    for i, n in enumerate(sizes):
        svg.rect(16 + 150 * i, 64, 12, 12, colours[i % len(colours)])
        svg.text(34 + 150 * i, 75, f"{n:,}", "small")
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 50) if most / s <= 10)
    axis(svg, left, top, bottom, x_of, [round(i * step, 1) for i in range(int(most / step) + 1)], "{:g}")
    for i, w in enumerate(d["works"]):
        y = top + i * row + 9
        svg.text(left - 12, y + row / 2 - 4, w["title"], "end")
        for k, n in enumerate(sizes):
            v = w["p50_us"][str(n)] / 1000
            svg.rect(x_of(0), y + k * bar, x_of(v) - x_of(0), bar - 2, colours[k % len(colours)])
            svg.text(left + 560, y + k * bar + 11, f"{v:.2f}", "small")
        limit = min(w["p50_us"].values()) * d["bar"] / 1000
        svg.line(x_of(limit), y - 3, x_of(limit), y + row - 16, "#c22", 'stroke-width="2"')
    return svg


with open(sys.argv[1], encoding="utf-8") as f:
    data = json.load(f)
{"result": result, "growth": growth}[data["kind"]](data).write(sys.argv[2])
