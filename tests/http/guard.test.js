/*
 * Hostile and malformed requests: every request here is written to a socket
 * byte by byte, and every answer is parsed strictly.
 *
 * A refusal is one answer and a closed connection: bytes after a refused head
 * must never be taken for a request. So each refused case is sent twice, alone
 * and followed by a valid request, which must not be answered.
 *
 * Where civetweb leaves no choice, a comment "civetweb:" says what happens
 * and why it is safe.
 */
"use strict";
const { describe, test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const net = require("node:net");
const lib = require("./lib.js");

let world, port, token;
before(async () => {
  world = await lib.world({ demo: false });
  port = world.port;
  token = (await world.signedIn("E8153375")).token;
});
after(() => world.end());

/* ------------------------------------------------------------- bytes out, answers in */

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const bytesOf = (x) => (Buffer.isBuffer(x) ? x : Buffer.from(x, "latin1"));

/*
 * talk(what) - writes the pieces (a number is a pause in ms, a promise is awaited) to a new connection; resolves when the
 * server closes it, or after `quiet` ms without a byte; after 30 s (`first` ms for the first byte) while it owes more than that (`least` answers,
 * whole): { text, closed, ms, events }.
 * end: half-close after the last piece; stopsAtAnswer: stop writing when the answer begins.
 */
function talk(what, { to = port, quiet = 1000, first = 30000, least = 1, end = false, stopsAtAnswer = false } = {}) {
  return new Promise((resolve) => {
    const s = net.connect({ port: to, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    const got = [], began = Date.now();
    let timer, settled = false, written = false;
    const done = (closed) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      s.destroy();
      resolve({ text: Buffer.concat(got).toString("latin1"), closed, ms: Date.now() - began, events: got.length });
    };
    const wait = () => {
      clearTimeout(timer);
      if (!written) return;
      const limit = Math.max(quiet, got.length > 0 ? 30000 : first);
      timer = setTimeout(() => {
        if (limit > quiet && lib.owing(Buffer.concat(got).toString("latin1"), least)) timer = setTimeout(() => done(false), limit - quiet);
        else done(false);
      }, quiet);
    };
    s.on("data", (d) => { got.push(d); wait(); });
    s.on("end", () => done(true));
    s.on("close", () => done(true));
    s.on("error", () => {}); /* a reset: "close" follows */
    s.on("connect", async () => {
      for (const piece of Array.isArray(what) ? what : [what]) {
        if (settled || (stopsAtAnswer && got.length > 0)) break;
        if (typeof piece === "number") await sleep(piece);
        else if (piece instanceof Promise) await piece;
        else s.write(bytesOf(piece));
      }
      written = true;
      wait();
      if (end && !settled) s.end();
    });
  });
}

/* answers(text) - splits text into messages by Content-Length; fails on bytes that are no message. */
function answers(text, { head = false } = {}) {
  const all = [];
  while (text !== "") {
    const m = /^HTTP\/1\.1 ([0-9]{3}) [^\r\n]*\r\n((?:[A-Za-z-]+: [^\r\n]*\r\n)*)\r\n/.exec(text);
    assert.ok(m, `not an answer: ${JSON.stringify(text.slice(0, 300))}`);
    const headers = {};
    for (const line of m[2].split("\r\n").filter(Boolean)) {
      const name = line.slice(0, line.indexOf(":")).toLowerCase();
      assert.ok(!(name in headers), `${name} stands twice`);
      headers[name] = line.slice(line.indexOf(":") + 2);
    }
    const status = Number(m[1]);
    const length = status === 100 || status === 204 || head ? 0 : Number(headers["content-length"]);
    assert.ok(Number.isInteger(length), `${status} has no Content-Length`);
    const body = text.slice(m[0].length, m[0].length + length);
    assert.equal(body.length, length, "the body has Content-Length bytes");
    all.push({ status, headers, body, json: /json/.test(headers["content-type"] || "") && body !== "" ? JSON.parse(body) : undefined });
    text = text.slice(m[0].length + length);
  }
  for (const a of all.filter((x) => x.status !== 100)) {
    assert.match(a.headers.date, /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d GMT$/);
    assert.match(a.headers["x-request-id"], /^[A-Za-z0-9._:-]{1,64}$/);
    assert.ok(!("server" in a.headers), "no Server header");
    assert.match(a.headers.connection, /^(close|keep-alive)$/);
  }
  assert.doesNotMatch(text, /civetweb/i);
  return all;
}

const follower = "GET /livez HTTP/1.1\r\nHost: smuggled\r\n\r\n";
const H = "Host: a\r\n";
const get = (more = "", target = "/livez") => `GET ${target} HTTP/1.1\r\n${H}${more}\r\n`;
const post = (more, body = "", target = "/v1/sessions") =>
  Buffer.concat([bytesOf(`POST ${target} HTTP/1.1\r\n${H}Content-Type: application/json\r\n${more}\r\n`), bytesOf(body)]);
const sized = (body, more = "", target) => post(`Content-Length: ${bytesOf(body).length}\r\n${more}`, body, target);
const chunked = (body, more = "") => post(`Transfer-Encoding: chunked\r\n${more}`, body);

/* Checks that there is one answer, a problem with this status, and that the connection was closed. */
function isRefusal(r, status) {
  const all = answers(r.text);
  assert.equal(all.length, 1, `one answer: ${all.map((a) => a.status)}`);
  const [a] = all;
  assert.ok([].concat(status).includes(a.status), `${a.status}, not ${status}: ${a.body}`);
  assert.equal(a.headers["content-type"], "application/problem+json");
  assert.equal(a.json.status, a.status);
  assert.equal(a.json.request_id, a.headers["x-request-id"]);
  assert.ok(a.json.type && a.json.title && a.json.detail && a.json.code);
  assert.equal(a.headers.connection, "close");
  assert.ok(r.closed, "the server closes");
  return a;
}

async function refuses(bytes, status = 400, options) {
  isRefusal(await talk(bytes, options), status);
  isRefusal(await talk(Buffer.concat([bytesOf(bytes), bytesOf(follower)]), options), status);
}

/* Checks that the answer has this status, and that the valid request after it is answered too. */
async function accepts(bytes, status = 200) {
  const r = await talk(Buffer.concat([bytesOf(bytes), bytesOf(follower)]), { end: true });
  assert.deepEqual(answers(r.text).map((a) => a.status), [status, 200]);
}

/* table(title, run, cases) - a test with one subtest per case, run in parallel. */
function table(title, run, cases) {
  describe(title, { concurrency: 8 }, () => {
    for (const [name, ...rest] of cases) test(name, () => run(...rest));
  });
}

/* ------------------------------------------------------------------------ nesting */

const deep = (n, open = "[") => open.repeat(n);
table("JSON nested so deeply that the parser's stack would overflow", async (bytes, status) => {
  const r = await talk(bytes, { end: true });
  const all = answers(r.text);
  assert.deepEqual(all.map((a) => a.status), [status]);
  assert.equal(await livez(), 200);
}, [
  ["64 KiB of [", sized(deep(65536)), 400],
  ["64 KiB of {\"a\":", sized('{"a":'.repeat(13000)), 400],
  ["2047 levels, as many as jansson itself takes", sized(deep(2047) + "]".repeat(2047)), 400],
  ["33 levels", sized(deep(33) + "]".repeat(33)), 400],
  ["32 levels, the most that is allowed", sized(deep(32) + "]".repeat(32)), 422],
  ["brackets within a string do not count", sized(JSON.stringify({ username: "[".repeat(4000) })), 422],
  ["nesting after a string that ends in an escaped backslash", sized('{"a\\\\":' + deep(3000)), 400],
  ["64 KiB of [ in chunks", chunked(`ffff\r\n${deep(65535)}\r\n0\r\n\r\n`), 400],
]);

async function livez() {
  const r = await talk(get("Connection: close\r\n"));
  return answers(r.text)[0].status;
}

test("a token with a deeply nested payload or header", async () => {
  const b64 = (s) => Buffer.from(s).toString("base64url");
  const real = token.split(".");
  for (const t of [
    `${b64(deep(4000))}.${b64(deep(4000))}.x`, `${real[0]}.${b64(deep(600))}.${real[2]}`,
    `${real[0]}.${b64('{"a":'.repeat(130))}.${real[2]}`, `${b64('{"alg":'.repeat(130))}.${real[1]}.${real[2]}`,
    `${b64(deep(700))}.${b64("{}")}.`, `${real[0]}.${b64(deep(9000))}.${real[2]}`,
  ]) {
    const r = await talk(get(`Authorization: Bearer ${t}\r\n`, "/v1/catalogs"), { end: true });
    assert.deepEqual(answers(r.text).map((a) => a.status), [401], t.slice(0, 60));
  }
  assert.equal(await livez(), 200);
});

/* ------------------------------------------------------------------------ framing */

const body5 = "[1,2]";
const framed = (lines) => post(lines, body5);
table("framing that two parsers could read differently (request smuggling)", refuses, [
  ["two Content-Length, the same", framed("Content-Length: 5\r\nContent-Length: 5\r\n")],
  ["two Content-Length, different", framed("Content-Length: 5\r\nContent-Length: 50\r\n")],
  ["two Content-Length, apart, in different case", framed("content-length: 5\r\nX: y\r\nCONTENT-LENGTH: 6\r\n")],
  ["a list of lengths", framed("Content-Length: 5, 5\r\n")],
  ["Content-Length, then Transfer-Encoding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["Transfer-Encoding, then Content-Length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")],
  ["Transfer-Encoding twice", chunked("0\r\n\r\n", "Transfer-Encoding: chunked\r\n")],
  ["Transfer-Encoding: chunked, then identity", chunked("0\r\n\r\n", "Transfer-Encoding: identity\r\n")],
  ["Transfer-Encoding: identity, then chunked", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["Transfer-Encoding: identity", framed("Transfer-Encoding: identity\r\n")],
  ["Transfer-Encoding: identity, with a length", framed("Transfer-Encoding: identity\r\nContent-Length: 5\r\n")],
  ...["", " ", "gzip, chunked", "chunked, identity", "identity, chunked", "chunked, chunked", "chunked,", ",chunked", "xchunked", "chunkedx", "chunke",
    "\"chunked\"", "chunked;q=1", "\x0bchunked", "chun\x00ked", "\xe7hunked", "gzip", "trailers"]
    .map((coding) => [`Transfer-Encoding: ${JSON.stringify(coding)}`, post(`Transfer-Encoding: ${coding}\r\n`, "0\r\n\r\n")]),
  ["chunked in HTTP/1.0", `POST /v1/sessions HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["Transfer-Encoding before a space and the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")],
  ["Transfer-Encoding before a tab and the colon", post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n")],
  ["Transfer-Encoding on a folded line", post("X: y\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["Transfer-Encoding after a bare CR", post("X: y\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["Transfer-Encoding after a bare LF", post("X: y\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["Transfer-Encoding on a line that begins with CR", post("X: y\r\n\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n")],
  ["Content-Length on a line that begins with CR", post("X: y\r\n\rContent-Length: 5\r\n", body5)],
  ...["+5", "-5", "5abc", "0x5", "", " ", "5 5", "5,", ",5", "5.0", "5e0", "\"5\"", "five", "\xb5", "5\x00", "- 5", "+", "0b1", "1_0",
    "9999999999999999999", "18446744073709551621", "9".repeat(400), "-9223372036854775808"]
    .map((length) => [`Content-Length: ${JSON.stringify(length.slice(0, 30))}`, framed(`Content-Length: ${length}\r\n`)]),
]);

const headers = (n) => Array.from({ length: n }, (_, i) => `X-${i}: y\r\n`).join("");
table("malformed heads", refuses, [
  ["a length after the 64th header", post(`${headers(64)}Content-Length: 5\r\n`, body5), [400, 431]],
  ["65 headers", get(headers(64)), 431],
  ["200 headers", get(headers(200)), 431],
  ["the 65th on a line that begins with CR", get(`${headers(63)}\rContent-Length: 40\r\n`), [400, 431]],
  ["a folded line", get("X: y\r\n z\r\n")],
  ["a folded line, by tab", get("X: y\r\n\tz\r\n")],
  ["a folded line that holds a length", post("X: y\r\n Content-Length: 5\r\n", body5)],
  ["a folded Host", "GET /livez HTTP/1.1\r\nHost:\r\n a\r\n\r\n"],
  ["a folded last line, empty", get("X: y\r\n \r\n")],
  ["a line that begins with a space at once", `GET /livez HTTP/1.1\r\n ${H}\r\n`],
  ["an empty line of a space after the request line", `GET /livez HTTP/1.1\r\n \r\n${H}\r\n`],
  ["space before the colon", get("X : y\r\n")],
  ["two spaces before the colon", get("X  : y\r\n")],
  ["tab before the colon", get("X\t: y\r\n")],
  ["space before Host's colon", "GET /livez HTTP/1.1\r\nHost : a\r\n\r\n"],
  ["no name", get(": y\r\n")],
  ["no colon", get("X\r\n")],
  ["no colon, first", `GET /livez HTTP/1.1\r\nX\r\n${H}\r\n`],
  ...["(", ")", "\"", ",", "/", ";", "<", "=", "@", "[", "\\", "]", "{", "}", "\x7f", "\x80", "\xff", "\xc3\xb1"]
    .map((c) => [`${JSON.stringify(c)} in a name`, get(`X${c}Y: z\r\n`)]),
  ["bare LF between headers", get("X: y\nZ: z\r\n")],
  ["bare LF after the request line", `GET /livez HTTP/1.1\n${H}\r\n`],
  ["bare LF everywhere", "GET /livez HTTP/1.1\nHost: a\n\n"],
  ["bare LF at the end", "GET /livez HTTP/1.1\r\nHost: a\n\n"],
  ["bare LF at the end, CR after", "GET /livez HTTP/1.1\r\nHost: a\n\n\r\n"],
  ["bare CR in a value", get("X: y\rz\r\n")],
  ["bare CR before CR LF", get("X: y\r\r\n")],
  ["bare CR that begins a line", get("X: y\r\n\rZ: z\r\n")],
  ["bare CR that begins the line after Host", `GET /livez HTTP/1.1\r\n${H}\rX: y\r\n\r\n`],
  ["bare CR after the request line", `GET /livez HTTP/1.1\r${H}\r\n`],
  ["CR CR LF after the request line", `GET /livez HTTP/1.1\r\r\n${H}\r\n`],
  ["no Host", "GET /livez HTTP/1.1\r\n\r\n"],
  ["no Host, other headers", "GET /livez HTTP/1.1\r\nX: y\r\n\r\n"],
  ["two Host, the same", get(H)],
  ["two Host, different", get("host: b\r\n")],
  ["two Host in HTTP/1.0", `GET /livez HTTP/1.0\r\n${H}${H}\r\n`],
  ...["", " ", "a b", "a,b", "a/b", "a@b", "a?b", "a#b", "a\\b", "<a>", "\"a\"", "a\x00", "\xe1", "a{b}", "a|b", "a^b"]
    .map((host) => [`Host: ${JSON.stringify(host)}`, `GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`]),
  ["space before the request line", ` ${get()}`],
  ["spaces before the request line", `   ${get()}`],
  ["tab before the request line", `\t${get()}`],
  ["LF before the request line", `\n${get()}`],
  ["LF LF before the request line", `\n\n${get()}`],
  ["CR before the request line", `\r${get()}`],
  ["CR LF CR LF before the request line", `\r\n\r\n${get()}`],
  ["CR LF three times before the request line", `\r\n\r\n\r\n${get()}`],
  ["CR LF and a space before the request line", `\r\n ${get()}`],
  ["CR LF LF before the request line", `\r\n\n${get()}`],
  ["vertical tab before the request line", `\x0b${get()}`],
  ["form feed before the request line", `\x0c${get()}`],
  ["NUL before the request line", `\0${get()}`],
  ["nothing but CR LF CR LF", "\r\n\r\n"],
  ["nothing but LF LF", "\n\n"],
  ["nothing but spaces", `${" ".repeat(300)}\r\n\r\n`],
  ["two spaces after the method", `GET  /livez HTTP/1.1\r\n${H}\r\n`],
  ["two spaces after the target", `GET /livez  HTTP/1.1\r\n${H}\r\n`],
  ["tab after the method", `GET\t/livez HTTP/1.1\r\n${H}\r\n`],
  ["tab after the target", `GET /livez\tHTTP/1.1\r\n${H}\r\n`],
  ["CR LF after the method", `GET \r\n/livez HTTP/1.1\r\n${H}\r\n`],
  ["space after the version", `GET /livez HTTP/1.1 \r\n${H}\r\n`],
  ["a word after the version", `GET /livez HTTP/1.1 x\r\n${H}\r\n`],
  ["no version", `GET /livez\r\n${H}\r\n`],
  ["no target", `GET HTTP/1.1\r\n${H}\r\n`],
  ["no method", `/livez HTTP/1.1\r\n${H}\r\n`],
  ["a space in the target", `GET /li vez HTTP/1.1\r\n${H}\r\n`],
  ["http in lower case", `GET /livez http/1.1\r\n${H}\r\n`],
  ["another protocol", `GET /livez ICAP/1.1\r\n${H}\r\n`],
  ["HTTP and a space", `GET /livez HTTP /1.1\r\n${H}\r\n`],
  ["a TLS hello", Buffer.from("16030100c8010000c40303" + "5a".repeat(160) + "0d0a0d0a", "hex")],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["a PROXY line", `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${get()}`],
  ...["2.0", "3.0", "0.9", "1.2", "1.10", "11", "", "1", "1.1x", "01.1"]
    .map((version) => [`version ${JSON.stringify(version)}`, `GET /livez HTTP/${version}\r\n${H}\r\n`, 505]),
  ["lower-case method", `get /livez HTTP/1.1\r\n${H}\r\n`, 501],
  ["mixed-case method", `Get /livez HTTP/1.1\r\n${H}\r\n`, 501],
  ["unknown method", `BREW /livez HTTP/1.1\r\n${H}\r\n`, 501],
  ["TRACE, which civetweb does not know", `TRACE /livez HTTP/1.1\r\n${H}\r\n`, 501],
  ["a method with a NUL", `GE\0T /livez HTTP/1.1\r\n${H}\r\n`],
  ["CONNECT to an authority", `CONNECT a:443 HTTP/1.1\r\n${H}\r\n`],
  ["a target without a slash", `GET livez HTTP/1.1\r\n${H}\r\n`],
  ["an absolute target without a path", `GET http://a HTTP/1.1\r\n${H}\r\n`],
  ["another scheme", `GET ftp://a/livez HTTP/1.1\r\n${H}\r\n`],
  ...["\x01", "\x08", "\x1f", "\x7f", "\x80", "\xff", "\xc3\xb1", "\0"]
    .map((c) => [`${JSON.stringify(c)} in the target`, `GET /livez${c} HTTP/1.1\r\n${H}\r\n`]),
  ...["\x01", "\x80", "\xff", "\0"].map((c) => [`${JSON.stringify(c)} in the query`, `GET /livez?a=${c} HTTP/1.1\r\n${H}\r\n`]),
  ["NUL in a name", get("X\0: y\r\n")],
  ["NUL in a value", get("X: y\0z\r\n")],
  ["NUL after a value", get("X: y\0\r\n")],
  ["NUL in the version", `GET /livez HTTP/1.\0\r\n${H}\r\n`],
  ["NUL between CR and LF", get("X: y\r\0\n")],
  ["NUL before the last CR LF", get("X: y\r\n\0\r\n")],
  ["escape in a value", get("X: \x1b[2J\r\n")],
  ["DEL in a value", get("X: \x7f\r\n")],
  /* civetweb: it refuses tabs in a value, though RFC 9110 (5.5) allows them. */
  ["tab in a value", get("X: y\tz\r\n")],
  ["tab before a value", get("X:\ty\r\n")],
  ["Expect: another thing", get("Expect: tea\r\n"), 417],
  ["Expect: 100-continue and another thing", get("Expect: 100-continue, tea\r\n"), 417],
  ["Expect: nothing", get("Expect:\r\n"), 417],
  ["a head over 16 KiB", get(`X: ${"y".repeat(16384)}\r\n`), 431],
  ["a head over 20 KiB, of many lines", get(Array.from({ length: 40 }, (_, i) => `X-${i}: ${"y".repeat(512)}\r\n`).join("")), 431],
  ["a head over 32 KiB", get(`X: ${"y".repeat(33000)}\r\n`), 431],
  ["a head over 64 KiB", get(`X: ${"y".repeat(70000)}\r\n`), 431],
  ["a head that fills the buffer to its last byte", exactly(32768, "\r\n\r\n"), 431],
  ["a head that fills the buffer but for one byte", exactly(32767, "\r\n\r\n"), 431],
  ["the same, ended by bare LF", exactly(32768, "\n\n"), [400, 431]],
  ["a target of 8001 bytes", get("", target(8001)), 414],
  ["a target of 12000 bytes", get("", target(12000)), 414],
  ["a target of 12000 bytes, of query", get("", `/livez?${"a".repeat(12000)}`), 414],
  ["a target of 20000 bytes", get("", target(20000)), [414, 431]],
  ["a target of 70000 bytes", get("", target(70000)), [414, 431]],
]);

test("nothing after a head that ends in bare LF is taken for a request", async () => {
  /* For civetweb LF CR LF does not end a head, so it waits; when more bytes come, the guard refuses them. */
  const waits = await talk("GET /livez HTTP/1.1\r\nHost: a\n\r\n", { quiet: 300, first: 300 });
  assert.deepEqual([waits.text, waits.closed], ["", false]);
  isRefusal(await talk("GET /livez HTTP/1.1\r\nHost: a\n\r\n" + follower), 400);
  /* For civetweb LF LF ends a head. CR NUL after it resembles the end of CR LF CR LF, but is no request. */
  const nul = answers((await talk(`GET /livez HTTP/1.1\r\nHost: a\n\n\r\0${follower}`)).text).map((a) => a.status);
  assert.equal(nul.pop(), 400);
  assert.ok(nul.length <= 1);
});

test("other blanks in place of CR LF after the request line do not hide the headers", async () => {
  /* civetweb: it overwrites them before the guard sees them, so they count as CR LF; the headers after them are checked. */
  for (const blanks of ["\r\r", "\r ", "\n ", "\n\r"]) {
    const good = answers((await talk(`GET /livez HTTP/1.1${blanks}${H}\r\n${follower}`, { end: true })).text).map((a) => a.status);
    assert.ok([[200, 200].join(), "400"].includes(good.join()), `${JSON.stringify(blanks)}: ${good}`);
    isRefusal(await talk(`POST /v1/sessions HTTP/1.1${blanks}Content-Length: 5\r\n${H}Transfer-Encoding: chunked\r\n\r\n${body5}${follower}`), 400);
    isRefusal(await talk(`GET /livez HTTP/1.1${blanks}X: y\r\n\r\n${follower}`), 400);
  }
});

function target(n) { return "/" + "a".repeat(n - 1); }
function exactly(n, ending) {
  const start = `GET /livez HTTP/1.1\r\n${H}X: `;
  return start + "y".repeat(n - start.length - ending.length) + ending;
}

table("valid requests are accepted, and so is the next one", accepts, [
  ["the least", get()],
  ["CR LF before the request line, once", `\r\n${get()}`],
  ["no space after the colon", "GET /livez HTTP/1.1\r\nHost:a\r\n\r\n"],
  ["blanks before and after a value", "GET /livez HTTP/1.1\r\nHost:   a   \r\n\r\n"],
  ["an empty value", get("X:\r\n")],
  ["an empty value, last of many", get("Y: y\r\nX: \r\n")],
  ["every character of a name", get("!#$%&'*+-.^_`|~09azAZ: y\r\n")],
  ["8-bit bytes in a value that nobody reads", get("X: \xff\xc3\xb1\x80\r\n")],
  ["64 headers", get(headers(63))],
  ["Host with a port", "GET /livez HTTP/1.1\r\nHost: a.example:8080\r\n\r\n"],
  ["Host of IPv6", "GET /livez HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"],
  ["HOST", "GET /livez HTTP/1.1\r\nHOST: a\r\n\r\n"],
  ["Content-Length in mixed case", post("cOnTeNt-LeNgTh: 5\r\n", body5), 422],
  ["a length with zeros before", post("Content-Length: 0005\r\n", body5), 422],
  ["a length with blanks around", post("Content-Length:  5  \r\n", body5), 422],
  ["a length of 0 where a body is required", post("Content-Length: 0\r\n"), 400],
  ["no length where a body is required", post(""), 411],
  ["a body where none is expected", get("Content-Length: 5\r\n").concat(body5)],
  ["a body that looks like a request, where none is expected", get(`Content-Length: ${get().length}\r\n`).concat(get())],
  ["a body that looks like a request", sized(get()), 400],
  ["DELETE with a body", `DELETE /livez HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\n${body5}`, 405],
  ["a method of WebDAV", `PROPFIND /livez HTTP/1.1\r\n${H}\r\n`, 501],
  ["a method of WebDAV, unknown path", `MKCOL /nowhere HTTP/1.1\r\n${H}\r\n`, 501],
  ["CONNECT to a path", `CONNECT /livez HTTP/1.1\r\n${H}\r\n`, 405],
  ["a target of 8000 bytes", get("", target(8000)), 404],
  ["a head of 16384 bytes", exactly(16384, "\r\n\r\n")],
  ["an empty query", get("", "/livez?")],
  ["Expect: 100-continue without a body", get("Expect: 100-continue\r\n")],
  ["Connection: keep-alive", get("Connection: keep-alive\r\n")],
  ["Connection: Keep-Alive, te", get("Connection: Keep-Alive, te\r\n")],
  ["HTTP/1.0 with keep-alive", `GET /livez HTTP/1.0\r\n${H}Connection: keep-alive\r\n\r\n`],
  ["HTTP/1.0 with keep-alive and no Host", "GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"],
  ["HTTP/1.0 with keep-alive and a body", `POST /v1/sessions HTTP/1.0\r\nContent-Type: application/json\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n${body5}`, 422],
]);

table("one answer, then the server closes the connection", async (bytes, status, also) => {
  for (const suffix of ["", follower]) {
    const r = await talk(Buffer.concat([bytesOf(bytes), bytesOf(suffix)]));
    const all = answers(r.text);
    assert.deepEqual(all.map((a) => a.status), [status]);
    assert.equal(all[0].headers.connection, "close");
    assert.ok(r.closed);
    if (also) also(all[0]);
  }
}, [
  ["HTTP/1.0", `GET /livez HTTP/1.0\r\n${H}\r\n`, 200],
  ["HTTP/1.0 without a header", "GET /livez HTTP/1.0\r\n\r\n", 200],
  ["HTTP/1.0 with Connection: close", `GET /livez HTTP/1.0\r\n${H}Connection: close\r\n\r\n`, 200],
  ["Connection: close", get("Connection: close\r\n"), 200],
  ["Connection: CLOSE", get("Connection: CLOSE\r\n"), 200],
  ["Connection: keep-alive, close", get("Connection: keep-alive, close\r\n"), 200],
  ["Connection: close, keep-alive", get("Connection: close, keep-alive\r\n"), 200],
  ["Connection: keep-alive, then Connection: close (RFC 9110, 5.3: one list)", get("Connection: keep-alive\r\nConnection: close\r\n"), 200],
  ["Upgrade: websocket", get("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 200],
  ["Upgrade: websocket, kept", get("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 200],
  ["Upgrade: h2c", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"), 200],
  ["a chunked body where none is expected", get("Transfer-Encoding: chunked\r\n").concat("0\r\n\r\n"), 200],
  ["a chunked body", chunked("5\r\n[1,2]\r\n0\r\n\r\n"), 422],
  ["a Content-Length that is too large", post("Content-Length: 65537\r\n"), 413, (a) => assert.equal(a.json.code, "content_too_large")],
  ["a Content-Length that is far too large", post("Content-Length: 999999999999999999\r\n"), 413],
  ["a Content-Length that is too large where no body is expected", get("Content-Length: 65537\r\n"), 200],
  ["a body of another type, with Expect: 100-continue", post("Expect: 100-continue\r\nContent-Length: 5\r\n").toString("latin1").replace("application/json", "text/plain"), 415],
]);

/* civetweb: it calls no handler for these, so the service answers them when civetweb closes the connection. */
table("targets that civetweb silently drops are answered too, and the connection is closed", async (bytes, status) => {
  const r = await talk(bytesOf(bytes + follower));
  assert.ok(r.closed);
  const all = answers(r.text);
  assert.deepEqual(all.map((a) => a.status), [status]);
  assert.equal(all[0].headers.connection, "close");
  if (status === 204) assert.match(all[0].headers.allow, /^GET, HEAD, POST, /);
}, [
  ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n${H}\r\n`, 204],
  ["GET *", `GET * HTTP/1.1\r\n${H}\r\n`, 404],
  ["another server's address", `GET http://127.0.0.1:1/livez HTTP/1.1\r\n${H}\r\n`, 200],
  ["another server's address, port 80", `GET http://a.example/livez HTTP/1.1\r\n${H}\r\n`, 200],
  ["another server's address, and a query", `GET http://a.example/livez?x=1 HTTP/1.1\r\n${H}\r\n`, 400],
  ["another server's address, and a body", `POST http://a.example/v1/sessions HTTP/1.1\r\n${H}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`, 422],
  ["another server's address, two Hosts", `GET http://a.example/livez HTTP/1.1\r\n${H}Host: b\r\n\r\n`, 400],
]);

test("absolute-form targets of this server are taken (RFC 9112, 3.2.2)", async () => {
  await accepts(`GET http://127.0.0.1:${port}/livez HTTP/1.1\r\n${H}\r\n`);
  await accepts(`GET HTTP://a.example:${port}/livez?x=1 HTTP/1.1\r\n${H}\r\n`, 400);
  await accepts(`GET http://a.example:${port}/v1/../livez HTTP/1.1\r\n${H}\r\n`, 404);
});

test("paths are matched whole and with case; dot segments are not resolved", async () => {
  const paths = ["/livezXYZ", "/LIVEZ", "/livez/", "//livez", "/livez//", "/./livez", "/v1/../livez", "/v1/%2e%2e/livez", "/%2e/livez", "/livez%00",
    "/livez%2f", "/v1%2fcatalogs", "/livez%", "/livez%4", "/livez%zz", "/livez;a=b", "/livez\\", "/v1", "/v1/", "/", "/index.html", "/livez%c3", "/livez%ed%a0%80",
    "/livez%0d%0aX:%20y", "/livez%7f", "/" + "a/".repeat(3000), "/etc/passwd", "/../../../etc/passwd", "/..%2f..%2fetc/passwd"];
  const r = await talk(paths.map((p) => get("", p)).join(""), { end: true });
  assert.deepEqual(answers(r.text).map((a) => a.status), paths.map(() => 404));
  const queries = ["a", "a=1", "=", "%00=1", "a=%00", "%zz", "%ff=1", "a=1&a=2"];
  const q = await talk(queries.map((x) => get("", `/livez?${x}`)).join(""), { end: true });
  assert.deepEqual(answers(q.text).map((a) => a.status), queries.map(() => 400));
});

test("the refusal of a malformed HEAD request has no body either", async () => {
  const { text, closed } = await talk(`HEAD /livez HTTP/1.1\r\n${H}Bad(Name: 1\r\n\r\n`, { end: true });
  assert.match(text, /^HTTP\/1\.1 400 /);
  assert.match(text, /\r\n\r\n$/);
  assert.ok(closed);
});

test("HEAD has the headers of GET and no body; OPTIONS and 405 say Allow", async () => {
  const head = await talk(`HEAD /livez HTTP/1.1\r\n${H}\r\nHEAD /nowhere HTTP/1.1\r\n${H}\r\n`, { end: true });
  const [a, b] = answers(head.text, { head: true });
  const [g] = answers((await talk(get(), { end: true })).text);
  assert.deepEqual([a.status, a.headers["content-length"]], [200, g.headers["content-length"]]);
  assert.equal(b.status, 404);
  const rest = answers((await talk(`OPTIONS /livez HTTP/1.1\r\n${H}Origin: http://evil\r\nAccess-Control-Request-Method: GET\r\n\r\nPOST /livez HTTP/1.1\r\n${H}\r\n`, { end: true })).text);
  assert.deepEqual(rest.map((x) => [x.status, x.headers.allow]), [[204, "GET, HEAD, OPTIONS"], [405, "GET, HEAD, OPTIONS"]]);
  for (const x of rest) assert.ok(!("access-control-allow-origin" in x.headers));
});

/* ------------------------------------------------------------------------ 100-continue */

describe("Expect: 100-continue", { concurrency: true }, () => {
  const waiting = (more, body) => [post(`Expect: 100-continue\r\nContent-Length: ${body.length}\r\n${more}`), 150, body];
  test("100 comes before the body, then the answer", async () => {
    const r = await talk(waiting("", body5), { quiet: 300, least: 2 });
    assert.deepEqual(answers(r.text).map((a) => a.status), [100, 422]);
    assert.ok(!r.closed);
  });
  test("100 comes at once", async () => {
    const r = await talk(post("Expect: 100-Continue\r\nContent-Length: 5\r\n"), { quiet: 300 });
    assert.deepEqual(answers(r.text).map((a) => a.status), [100]);
  });
  test("in chunks", async () => {
    const r = await talk([chunked("", "Expect: 100-continue\r\n"), 100, "5\r\n[1,2]\r\n0\r\n\r\n"], { least: 2 });
    assert.deepEqual(answers(r.text).map((a) => a.status), [100, 422]);
  });
  test("no 100 if the head alone decides the answer, and the connection is closed", async () => {
    for (const [bytes, status] of [
      [post("Expect: 100-continue\r\nContent-Length: 5\r\n", "", "/v1/clients"), 401],
      [post("Expect: 100-continue\r\nContent-Length: 5\r\n", "", "/v1/nowhere"), 404],
      [post("Expect: 100-continue\r\nContent-Length: 5\r\n", "", "/livez"), 405],
      [post("Expect: 100-continue\r\nContent-Length: 70000\r\n"), 413],
      [post("Expect: 100-continue\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n"), 415],
      [post("Expect: 100-continue\r\nContent-Length: 5\r\nAccept: text/html\r\n"), 406],
    ]) {
      const r = await talk(bytes);
      const all = answers(r.text);
      assert.deepEqual(all.map((a) => a.status), [status]);
      assert.equal(all[0].headers.connection, "close");
      assert.ok(r.closed);
    }
  });
  test("HTTP/1.0 gets no 100 (RFC 9110, 10.1.1)", async () => {
    const r = await talk([`POST /v1/sessions HTTP/1.0\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`, 100, body5]);
    assert.deepEqual(answers(r.text).map((a) => a.status), [422]);
  });
});

/* ------------------------------------------------------------------------ bodies */

/* Marks a body so that its answer can be recognised: the unknown key comes back as a fault's pointer. */
const marked = (mark) => JSON.stringify({ [mark]: 1 });
const marks = (a) => a.json.errors.map((e) => e.pointer);
const inChunks = (text, sizes, format = (n) => n.toString(16)) => {
  let out = "", at = 0;
  for (let i = 0; at < text.length; i++) {
    const n = Math.min(sizes[i % sizes.length], text.length - at);
    out += `${format(n)}\r\n${text.slice(at, at + n)}\r\n`;
    at += n;
  }
  return out;
};

table("chunked bodies, well-formed", async (pieces) => {
  const r = await talk(pieces);
  const all = answers(r.text);
  assert.deepEqual(all.map((a) => a.status), [422]);
  assert.ok(marks(all[0]).includes("#/zz"), all[0].body);
  assert.ok(r.closed);
}, [
  ["one chunk", chunked(inChunks(marked("zz"), [1000]) + "0\r\n\r\n")],
  ["one byte per chunk", chunked(inChunks(marked("zz"), [1]) + "0\r\n\r\n")],
  ["uneven chunks", chunked(inChunks(`${" ".repeat(300)}${marked("zz")}`, [1, 17, 2, 255]) + "0\r\n\r\n")],
  ["sizes in capitals with leading zeros", chunked(inChunks(" ".repeat(40) + marked("zz"), [26], (n) => n.toString(16).toUpperCase().padStart(16, "0")) + "0\r\n\r\n")],
  ["a last size of many zeros", chunked(inChunks(marked("zz"), [3]) + "0000\r\n\r\n")],
  ["one byte per segment", [chunked(""), ...[...(inChunks(marked("zz"), [4]) + "0\r\n\r\n")].flatMap((c) => [3, c])]],
  ["head and body one byte per segment", [...chunked(inChunks(marked("zz"), [4]) + "0\r\n\r\n").toString("latin1")].flatMap((c) => [1, c])],
  ...Array.from({ length: 24 }, (_, i) => {
    const whole = inChunks(marked("zz"), [4]) + "0\r\n\r\n";
    return [`cut in two at byte ${i + 1}`, [chunked(whole.slice(0, i + 1)), 15, whole.slice(i + 1)]];
  }),
  ["60000 bytes", chunked(inChunks(" ".repeat(60000) + marked("zz"), [8192]) + "0\r\n\r\n")],
  ["trailers, which are dropped", chunked(inChunks(marked("zz"), [100]) + "0\r\nX-Checksum: 1\r\n\r\n")],
]);

table("chunked bodies, malformed: one 400, and later bytes are not read", async (bytes, status = 400) => {
  for (const suffix of ["", follower]) {
    const r = await talk(chunked(bytes + suffix), { end: true });
    assert.equal(isRefusal(r, status).headers.connection, "close");
  }
}, [
  ["no number", "x\r\n[1,2]\r\n0\r\n\r\n"],
  ["an empty size", "\r\n[1,2]\r\n0\r\n\r\n"],
  ["a negative size", "-5\r\n[1,2]\r\n0\r\n\r\n"],
  ["a size with a sign", "+5\r\n[1,2]\r\n0\r\n\r\n"],
  ["a size with 0x", "0x5\r\n[1,2]\r\n0\r\n\r\n"],
  ["a space before the size", " 5\r\n[1,2]\r\n0\r\n\r\n"],
  ["a space after the size", "5 \r\n[1,2]\r\n0\r\n\r\n"],
  ["a letter after the size", "5g\r\n[1,2]\r\n0\r\n\r\n"],
  ["an underscore in the size", "0_5\r\n[1,2]\r\n0\r\n\r\n"],
  ["bare LF after the size", "5\n[1,2]\r\n0\r\n\r\n"],
  ["bare LF everywhere", "5\n[1,2]\n0\n\n"],
  ["bare CR after the size", "5\r[1,2]\r\n0\r\n\r\n"],
  ["CR CR LF after the size", "5\r\r\n[1,2]\r\n0\r\n\r\n"],
  ["bare LF after the data", "5\r\n[1,2]\n0\r\n\r\n"],
  ["no CR LF after the data", "5\r\n[1,2]0\r\n\r\n"],
  ["more data than the size says", "4\r\n[1,2]\r\n0\r\n\r\n"],
  ["less data than the size says", "6\r\n[1,2]\r\n0\r\n\r\n"],
  /* RFC 9112 (7.1.1) says to ignore chunk extensions; they are refused (http/chunks.h). */
  ["an extension", "5;a=b\r\n[1,2]\r\n0\r\n\r\n"],
  ["an extension with bare LF", "5;a\nb\r\n[1,2]\r\n0\r\n\r\n"],
  ["a long extension", `5;${"a".repeat(5000)}\r\n[1,2]\r\n0\r\n\r\n`],
  ["an extension after a good chunk", "5\r\n[1,2]\r\n0;a\r\n\r\n"],
  ["a size of 70 digits", `${"0".repeat(69)}5\r\n[1,2]\r\n0\r\n\r\n`],
  ["ffffffffffffffff", "ffffffffffffffff\r\n[1,2]\r\n0\r\n\r\n"],
  ["fffffffffffffffe", "fffffffffffffffe\r\n[1,2]\r\n0\r\n\r\n"],
  ["fffffffffffffff0", "fffffffffffffff0\r\n[1,2]\r\n0\r\n\r\n"],
  ["8000000000000000", "8000000000000000\r\n[1,2]\r\n0\r\n\r\n"],
  ["7fffffffffffffff", "7fffffffffffffff\r\n[1,2]\r\n0\r\n\r\n"],
  ["10000000000000005, which is 5 in 64 bits", "10000000000000005\r\n[1,2]\r\n0\r\n\r\n"],
  ["100000005, which is 5 in 32 bits", "100000005\r\n[1,2]\r\n0\r\n\r\n"],
  ["ffffffffffffffff after a good chunk", "5\r\n[1,2]\r\nffffffffffffffff\r\n[1,2]\r\n0\r\n\r\n"],
  ["NUL in the size", "5\0\r\n[1,2]\r\n0\r\n\r\n"],
  ["8-bit bytes in the size", "\xb5\r\n[1,2]\r\n0\r\n\r\n"],
  ["no last chunk", "5\r\n[1,2]\r\n"],
  ["a body that is too large, in one chunk", `11170\r\n${" ".repeat(70000)}\r\n0\r\n\r\n`, 413],
  ["a body that is too large, in many chunks", `${inChunks(" ".repeat(70000), [1000])}0\r\n\r\n`, 413],
]);

test("an extension that comes in a segment of its own is refused as well", async () => {
  isRefusal(await talk([chunked("5"), 20, ";a=b\r\n[1,2]\r\n0\r\n\r\n"], { end: true }), 400);
  isRefusal(await talk([chunked("5\r\n[1"), 20, ",2]\r\n0;", 20, "a\r\n\r\n"], { end: true }), 400);
});

table("bodies that end early: 400, and the connection is closed", async (bytes) => {
  isRefusal(await talk(bytes, { end: true }), 400);
}, [
  ["no byte of five", post("Content-Length: 5\r\n")],
  ["four of five bytes, which are valid JSON", post("Content-Length: 5\r\n", "[12]")],
  ["half of 60000 bytes", post("Content-Length: 60000\r\n", " ".repeat(30000))],
  ...["", "5", "5\r", "5\r\n", "5\r\n[1", "5\r\n[1,2]", "5\r\n[1,2]\r", "5\r\n[1,2]\r\n", "5\r\n[1,2]\r\n0", "5\r\n[1,2]\r\n0\r"]
    .map((part) => [`chunks cut after ${JSON.stringify(part)}`, chunked(part)]),
]);

test("a head that ends early gets 400, 408 or no answer", async () => {
  const whole = get("X: y\r\n");
  for (let n = 1; n < whole.length; n += 3) {
    const r = await talk(whole.slice(0, n), { end: true });
    assert.ok(r.closed);
    assert.deepEqual(answers(r.text).map((a) => a.status).filter((s) => s !== 400 && s !== 408), [], whole.slice(0, n));
  }
});

test("a body may come in any number of segments", async () => {
  const body = " ".repeat(5000) + marked("zz");
  for (const at of [1, 100, 4999, 5003, body.length - 1]) {
    const r = await talk([post(`Content-Length: ${body.length}\r\n`), 15, body.slice(0, at), 15, body.slice(at), follower], { end: true });
    const all = answers(r.text);
    assert.deepEqual(all.map((a) => a.status), [422, 200]);
    assert.ok(marks(all[0]).includes("#/zz"));
  }
});

test("a refusal reaches a client that is still sending", async () => {
  for (const [bytes, status] of [[sized(" ".repeat(65537)), 413], [sized(" ".repeat(300000)), 413], [sized(" ".repeat(4 << 20)), 413],
    [chunked(inChunks(" ".repeat(300000), [65536]) + "0\r\n\r\n"), 413], [get(`X: ${"y".repeat(300000)}\r\n`), 431],
    [`BREW /livez HTTP/1.1\r\n${H}\r\n${" ".repeat(300000)}`, 501]]) {
    /* Like a client that watches for the answer while it sends (RFC 9112, 9.5). */
    const all = bytesOf(bytes), pieces = [];
    for (let at = 0; at < all.length; at += 32768) pieces.push(all.subarray(at, at + 32768), 1);
    isRefusal(await talk(pieces, { stopsAtAnswer: true }), status);
  }
});

/* ------------------------------------------------------------------------ one connection, many requests */

test("pipelined requests are answered in order", async () => {
  const kinds = [
    (id) => [get(`X-Request-Id: ${id}\r\n`), 200],
    (id) => [sized(marked(id), `X-Request-Id: ${id}\r\n`), 422],
    (id) => [get(`X-Request-Id: ${id}\r\n`, "/nowhere"), 404],
    (id) => [get(`X-Request-Id: ${id}\r\n`, "/v1/catalogs"), 401],
    (id) => [sized("[".repeat(40), `X-Request-Id: ${id}\r\n`), 400],
    (id) => [get(`X-Request-Id: ${id}\r\nAuthorization: Bearer ${token}\r\n`, "/v1/catalogs"), 200],
  ];
  const sent = Array.from({ length: 200 }, (_, i) => ({ id: `id-${i}`, made: kinds[i % kinds.length](`id-${i}`) }));
  const r = await talk(Buffer.concat(sent.map((s) => bytesOf(s.made[0]))), { end: true });
  const all = answers(r.text);
  assert.deepEqual(all.map((a) => [a.headers["x-request-id"], a.status]), sent.map((s) => [s.id, s.made[1]]));
  all.forEach((a, i) => { if (a.status === 422) assert.ok(marks(a).includes(`#/id-${i}`)); });
});

test("pipelined requests end at the first refused one", async () => {
  const r = await talk(get().repeat(1500) + get("X : y\r\n") + get().repeat(3));
  assert.deepEqual(answers(r.text).map((a) => a.status), [...Array(1500).fill(200), 400]);
  assert.ok(r.closed);
  const other = await talk(get().repeat(1500) + `BREW /livez HTTP/1.1\r\n${H}\r\n` + get());
  assert.deepEqual(answers(other.text).map((a) => a.status), [...Array(1500).fill(200), 501]);
});

test("the connection stays open after 404, 401, 405, 406, 415 and 422 with a body", async () => {
  const big = " ".repeat(60000) + body5;
  const requests = [
    [sized(big, "", "/v1/nowhere"), 404], [sized(big, "", "/v1/clients"), 401], [sized(big, "", "/livez"), 405], [sized(big), 422],
    [sized(big, "Accept: text/html\r\n"), 406], [sized(big, "Content-Encoding: gzip\r\n"), 415], [sized("nonsense"), 400],
    [sized(big, "", "/v1/sessions?x=1"), 400], [get(), 200],
  ];
  const r = await talk(Buffer.concat(requests.map((q) => bytesOf(q[0]))), { quiet: 300, least: requests.length });
  const all = answers(r.text);
  assert.deepEqual(all.map((a) => a.status), requests.map((q) => q[1]));
  for (const a of all) assert.equal(a.headers.connection, "keep-alive");
  assert.ok(!r.closed);
});

test("an answer is one segment, and is sent without delay", async () => {
  const requests = [get(), get("", "/readyz"), get("", "/nowhere"), sized(body5), get("", "/v1/catalogs"), sized("{}", "", "/v1/clients")];
  const s = net.connect({ port, host: "127.0.0.1", noDelay: false });
  const took = requests.map(() => []);
  const second = (times) => times.slice(2).sort((a, b) => a - b)[1];
  /* A busy machine only makes answers slower, so a short time counts. The kernel acknowledges the first segments of a connection at once, so they are skipped. */
  for (let i = 0; i < 600 && (i < 60 || took.some((times) => second(times) >= 20)); i++) {
    const began = process.hrtime.bigint();
    s.write(requests[i % requests.length]);
    const d = await new Promise((resolve, reject) => { s.once("data", resolve); s.once("error", reject); });
    took[i % requests.length].push(Number(process.hrtime.bigint() - began) / 1e6);
    assert.equal(answers(d.toString("latin1")).length, 1, "head and body in one piece");
  }
  s.destroy();
  for (const [i, times] of took.entries())
    assert.ok(second(times) < 20, `${requests[i].slice(0, 30)}: the second shortest is ${second(times)} ms: 40 is Nagle and a delayed ACK`);
});

test("leading white space never makes the server parse another client's request", async () => {
  /* A worker's buffer still holds older bytes after the ones just received, and civetweb might parse on into them. */
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_THREADS: "4" } });
  const secret = get(`Authorization: Bearer ${token}\r\nX-Request-Id: another-peers\r\n`, "/v1/catalogs");
  for (let i = 0; i < 8; i++)
    assert.equal(answers((await talk(get() + secret + secret, { to: server.port, end: true })).text).length, 3);
  for (let n = 0; n < 200; n++) {
    for (const ending of ["\r\n\r\n", "\n\n"]) {
      const r = await talk(" ".repeat(n) + ending, { to: server.port, end: true });
      assert.doesNotMatch(r.text, /another-peers| 200 /);
    }
  }
  await server.stop();
});

/* ------------------------------------------------------------------------ time */

describe("slow clients, with a request timeout of 1 s", { concurrency: true }, () => {
  let slow;
  before(async () => { slow = await lib.startServer(world.database.serve, { env: { GESTOR_REQUEST_TIMEOUT_MS: "1000", GESTOR_KEEP_ALIVE_MS: "60000" } }); });
  after(() => slow.stop());
  const drip = (bytes) => [...bytes].flatMap((c) => [200, c]);
  const cutIn = (r, ms, statuses) => {
    assert.ok(r.closed, "cut");
    assert.ok(r.ms < ms, `after ${r.ms} ms`);
    assert.deepEqual(answers(r.text).map((a) => a.status), statuses);
  };

  test("a head, one byte per 200 ms", async () => {
    const r = await talk(drip(get()), { to: slow.port });
    cutIn(r, 15000, [408]);
    isRefusal(r, 408);
  });
  test("a head that stops", async () => cutIn(await talk("GET /livez HTTP/1.1\r\n", { to: slow.port, quiet: 40000 }), 15000, [408]));
  test("a head that begins late and comes slowly", async () => {
    const r = await talk([800, ...drip(get())], { to: slow.port });
    assert.ok(r.closed && r.ms < 15000);
    assert.ok(answers(r.text).every((a) => [400, 408].includes(a.status)));
  });
  test("a second head on a kept-alive connection, one byte per 200 ms", async () => {
    const r = await talk([get(), 100, ...drip(get())], { to: slow.port });
    cutIn(r, 15000, [200, 408]);
  });
  test("a second head that came partly with the first request", async () => {
    const r = await talk([get() + "GE", ...drip(get().slice(2))], { to: slow.port });
    cutIn(r, 15000, [200, 408]);
  });
  test("a body, one byte per 200 ms", async () => {
    const r = await talk([post("Content-Length: 100\r\n"), ...drip(" ".repeat(100))], { to: slow.port });
    cutIn(r, 15000, [408]);
    isRefusal(r, 408);
  });
  test("a chunked body, one byte per 200 ms", async () => {
    cutIn(await talk([chunked(""), ...drip("1\r\n \r\n".repeat(30))], { to: slow.port }), 15000, [408]);
  });
  test("a body that is not needed, one byte per 200 ms", async () => {
    cutIn(await talk([sized("", "", "/v1/nowhere").toString("latin1").replace("Content-Length: 0", "Content-Length: 100"), ...drip(" ".repeat(100))],
      { to: slow.port }), 15000, [404]);
  });
  test("a body that stops", async () => cutIn(await talk(post("Content-Length: 100\r\n", "{"), { to: slow.port, quiet: 40000 }), 15000, [408]));
  test("a body that does not come after 100", async () =>
    cutIn(await talk(post("Content-Length: 100\r\nExpect: 100-continue\r\n"), { to: slow.port, quiet: 40000 }), 15000, [100, 408]));
  test("a silent connection", async () => cutIn(await talk([], { to: slow.port, quiet: 40000 }), 15000, []));
  test("an idle kept-alive connection stays open", async () => {
    const r = await talk([get(), 2500, get()], { to: slow.port, quiet: 300, least: 2 });
    assert.deepEqual(answers(r.text).map((a) => a.status), [200, 200]);
    assert.ok(!r.closed);
  });
  test("other clients are served meanwhile", async () => {
    for (let i = 0; i < 10; i++) {
      const r = await talk(get("Connection: close\r\n"), { to: slow.port });
      assert.ok(r.ms < 10000, `${r.ms} ms`);
      await sleep(200);
    }
  });
});

test("an idle connection is closed after GESTOR_KEEP_ALIVE_MS, without an answer", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_KEEP_ALIVE_MS: "500" } });
  const r = await talk(get(), { to: server.port, quiet: 40000 });
  assert.ok(r.closed && r.ms < 15000, `${r.ms} ms`);
  assert.deepEqual(answers(r.text).map((a) => a.status), [200]);
  await server.stop();
});

test("300 idle connections, then a request", async () => {
  const server = await lib.startServer(world.database.serve, { env: { GESTOR_THREADS: "400" } });
  const idle = await Promise.all(Array.from({ length: 300 }, (_, i) => new Promise((resolve, reject) => {
    const s = net.connect(server.port, "127.0.0.1", () => {
      if (i % 3 === 0) { resolve(s); return; }
      s.write(i % 3 === 1 ? get() : "GET /livez HTTP/1.1\r\n");
      if (i % 3 === 1) s.once("data", () => resolve(s));
      else resolve(s);
    });
    s.on("error", reject);
  })));
  const r = await talk(get("Connection: close\r\n"), { to: server.port });
  assert.deepEqual(answers(r.text).map((a) => a.status), [200]);
  assert.ok(r.ms < 20000, `${r.ms} ms`);
  idle.forEach((s) => s.destroy());
  await server.stop();
});

/* ------------------------------------------------------------------------ shutdown */

describe("SIGTERM", { concurrency: true }, () => {
  const signIn = JSON.stringify({ username: "E8153375", password: lib.password });
  test("a request whose body is still being sent is answered in full; the exit status is 0", async () => {
    const server = await lib.startServer(world.database.serve);
    const idle = talk(get(), { to: server.port, quiet: 40000 });
    let goOn;
    const resume = new Promise((resolve) => { goOn = resolve; });
    const slow = ["length", "chunks"].map((how) => talk([
      how === "length" ? post(`Content-Length: ${signIn.length}\r\n`, signIn.slice(0, 10)) : chunked(`a\r\n${signIn.slice(0, 10)}\r\n`),
      resume, how === "length" ? signIn.slice(10) + follower : `${inChunks(signIn.slice(10), [1000])}0\r\n\r\n`], { to: server.port, quiet: 40000 }));
    const inFlight = async () => Number(/^gestor_http_requests_in_flight (\d+)$/m.exec((await lib.caller(server.base).get("/metrics")).text)[1]);
    /* Twice in a row, because a request counts as in flight for a moment after its answer. */
    for (let i = 0, seen = 0; seen < 2; i++) {
      assert.ok(i < 250, "the requests have not begun");
      seen = await inFlight() === 3 ? seen + 1 : 0;
      await sleep(20);
    }
    server.child.kill("SIGTERM");
    let ready = [{ status: 200 }];
    for (let i = 0; i < 100 && ready[0]?.status === 200; i++) ready = answers((await talk(get("", "/readyz"), { to: server.port, quiet: 300 })).text);
    assert.deepEqual(ready.map((a) => [a.status, a.headers.connection]), [[503, "close"]]);
    goOn();
    for (const r of await Promise.all(slow)) {
      const all = answers(r.text);
      assert.deepEqual(all.map((a) => [a.status, a.headers.connection]), [[201, "close"]]);
      assert.ok(all[0].json.access_token);
      assert.ok(r.closed);
    }
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.ok((await idle).closed);
  });
  test("a request that never ends delays the exit by at most GESTOR_DRAIN_MS", async () => {
    const server = await lib.startServer(world.database.serve, { env: { GESTOR_DRAIN_MS: "500" } });
    const hung = talk(post("Content-Length: 100\r\n", "{"), { to: server.port, quiet: 40000 });
    await sleep(150);
    const began = Date.now();
    server.child.kill("SIGTERM");
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    assert.ok(Date.now() - began < 20000, `${Date.now() - began} ms`);
    assert.ok((await hung).closed);
  });
  test("a hundred clients at the moment of the signal: every answer is complete", async () => {
    const server = await lib.startServer(world.database.serve, { env: { GESTOR_THREADS: "120" } });
    const auth = `Authorization: Bearer ${token}\r\n`;
    const all = Array.from({ length: 100 }, () => talk(get(auth, "/v1/catalogs").repeat(20), { to: server.port, quiet: 5000 }));
    await sleep(20);
    server.child.kill("SIGTERM");
    for (const r of await Promise.all(all)) {
      assert.ok(r.closed);
      /* A request after the signal gets 503 as the last answer of its connection. */
      const replies = answers(r.text), late = replies.findIndex((a) => a.status !== 200);
      if (late >= 0) assert.deepEqual([replies[late].status, replies[late].json.code, replies[late].headers.connection, late], [503, "not_ready", "close", replies.length - 1]);
    }
    assert.equal((await server.ended).code, 0);
  });
});

test("the server is still alive and logged no error", async () => {
  assert.equal(await livez(), 200);
  assert.equal(world.server.child.exitCode, null);
  assert.doesNotMatch(world.server.log(), /"level":"error"|"status":500/);
});
