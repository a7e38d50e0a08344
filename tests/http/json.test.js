/*
 * Which bodies are JSON, in the style of JSONTestSuite
 * (https://github.com/nst/JSONTestSuite). The name's prefix says what must happen:
 *   y_  JSON by RFC 8259: parsed, then 422 because it is no valid client
 *   n_  not JSON, or JSON that this service refuses: 400
 *   i_  RFC 8259 leaves it to the parser: 400 or 422
 * All cases use one connection, which must stay open.
 */
"use strict";
const { test, before, after } = require("node:test");
const assert = require("node:assert/strict");
const http = require("node:http");
const lib = require("./lib.js");

let world, token, agent;
before(async () => {
  world = await lib.world({ demo: false });
  token = (await world.signedIn("E8153375")).token;
  agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
});
after(() => { agent.destroy(); return world.end(); });

const bytes = (...values) => Buffer.from(values);
const hex = (text) => Buffer.from(text.replace(/ /g, ""), "hex");
const utf16 = (text, big) => { const b = Buffer.from(text, "utf16le"); return big ? b.swap16() : b; };
const around = (before_, middle, after_) => Buffer.concat([Buffer.from(before_), middle, Buffer.from(after_)]);

const cases = {
  /* ---- single values */
  y_lone_true: "true", y_lone_false: "false", y_lone_null: "null", y_lone_int: "42", y_lone_negative: "-0.1", y_lone_string: '"asd"',
  y_lone_empty_string: '""', y_lone_array: "[]", y_lone_object: "{}", y_lone_string_with_newline_behind: '"a"\n',
  n_empty: "", n_space: " ", n_whitespace_only: " \n\r\t ", n_lone_minus: "-", n_lone_quote: '"', n_lone_open_array: "[", n_lone_close_array: "]",
  n_lone_open_object: "{", n_lone_close_object: "}", n_lone_comma: ",", n_lone_colon: ":", n_lone_dot: ".", n_lone_star: "*", n_lone_a: "a",
  n_true_cut: "tru", n_false_cut: "fals", n_null_cut: "nul", n_true_long: "truee", n_true_capital: "True", n_true_capitals: "TRUE", n_null_capital: "Null",
  n_nan: "NaN", n_minus_nan: "-NaN", n_infinity: "Infinity", n_minus_infinity: "-Infinity", n_inf: "inf", n_undefined: "undefined", n_none: "None",
  n_two_values: "1 2", n_two_objects: "{}{}", n_two_arrays: "[][]", n_object_then_comma: "{},", n_object_then_word: "{}x", n_array_then_close: "[]]",
  n_object_then_close: "{}}", n_string_then_string: '"a""b"', n_value_then_quote: '[1]"', n_angle: "<null>", n_in_angle: "<.>", n_xml: "<a/>", n_form: "a=1&b=2",
  n_yaml: "a: 1", n_parentheses: "(1)", n_assignment: "x = 1", n_javascript: "alert(1)", n_json_sequence: "\x1e{}\n", n_json_lines: "{}\n{}\n",
  n_prefixed_guard: ")]}',\n{}", n_shebang: "#!/bin/sh\n{}",

  /* ---- white space */
  y_space_before: " {}", y_space_behind: "{} ", y_all_four_before: " \t\r\n{}", y_all_four_behind: "{} \t\r\n", y_all_four_within: '{ \t\r\n"a" \t\r\n: \t\r\n1 \t\r\n}',
  y_many_spaces: " ".repeat(5000) + "[]" + "\n".repeat(5000),
  n_form_feed: "[\f]", n_vertical_tab: "[\v]", n_no_break_space: "[\u00a0]", n_line_separator: "[\u2028]", n_ogham_space: "[\u1680]", n_word_joiner: "[\u2060]",
  n_zero_width_space: "\u200b[]", n_backspace: "[\b]", n_del: "[\x7f]", n_escaped_newline: "[\\n]", n_space_in_true: "[t rue]", n_unit_separator: "[1,\x1f2]",

  /* ---- arrays */
  y_array_empty_with_space: "[ ]", y_array_mixed: '[null, 1, "1", {}]', y_array_nested: "[[[[[]]]]]", y_array_false: "[false]", y_array_nulls: "[1,null,null,null,2]",
  y_array_32_deep: "[".repeat(32) + "]".repeat(32), y_array_of_5000: `[${Array(5000).fill("0").join(",")}]`,
  n_array_trailing_comma: "[1,]", n_array_two_commas: "[1,,2]", n_array_comma_alone: "[,]", n_array_comma_first: "[,1]", n_array_two_trailing: "[1,,]", n_array_no_comma: "[1 true]",
  n_array_colon: '["":1]', n_array_not_closed: "[1", n_array_not_closed_comma: "[1,", n_array_closed_by_brace: "[1}", n_array_extra_close: "[1]]", n_array_semicolon: "[1;2]",
  n_array_star: "[*]", n_array_double_open: "[[]", n_array_just_comma: "[1,\n1\n,1", n_array_ellipsis: "[1, ...]", n_array_33_deep: "[".repeat(33) + "]".repeat(33),
  n_array_2048_deep: "[".repeat(2048) + "]".repeat(2048), n_array_open_60000: "[".repeat(60000), n_array_object_open: '[{"":'.repeat(10000), n_array_close_60000: "]".repeat(60000),
  n_array_hole: "[1,,]", n_array_single_quoted: "['a']", n_array_string_not_closed: '["a', n_array_newlines_not_closed: '["a",\n4\n,1,',

  /* ---- objects */
  y_object_empty_key: '{"":0}', y_object_simple: '{"a":[]}', y_object_two: '{"a":1,"b":2}', y_object_escaped_key: '{"foo\\u0041bar": 42}', y_object_slash_key: '{"a/b~c":1}',
  y_object_long_strings: `{"x":[{"id":"${"x".repeat(400)}"}],"id":"${"x".repeat(400)}"}`, y_object_newlines: '{\n"a": "b"\n}', y_object_key_of_brackets: '{"[[[[{{{{":1}',
  y_object_proto: '{"__proto__":{"a":1},"constructor":null}', y_object_32_deep: '{"a":'.repeat(31) + "{}" + "}".repeat(31), y_object_keys_differ_by_case: '{"a":1,"A":2}',
  y_object_keys_differ_by_form: '{"\u00f1":1,"n\u0303":2}',
  n_object_duplicate_key: '{"a":1,"a":2}', n_object_duplicate_key_and_value: '{"a":1,"a":1}', n_object_duplicate_key_escaped: '{"a":1,"\\u0061":2}',
  n_object_duplicate_key_nested: '[{"b":{"a":1,"c":2,"a":3}}]', n_object_duplicate_empty_key: '{"":1,"":2}', n_object_duplicate_solidus: '{"/":1,"\\/":2}',
  n_object_trailing_comma: '{"a":0,}', n_object_two_commas: '{"a":0,,"b":1}', n_object_comma_alone: "{,}", n_object_no_colon: '{"a" 1}', n_object_two_colons: '{"a"::1}',
  n_object_equals: '{"a"=1}', n_object_comma_for_colon: '{"a",1}', n_object_no_value: '{"a":', n_object_no_value_closed: '{"a":}', n_object_key_only: '{"a"', n_object_key_closed: '{"a"}',
  n_object_unquoted_key: "{a:1}", n_object_single_quoted_key: "{'a':1}", n_object_number_key: "{1:1}", n_object_null_key: "{null:1}", n_object_bracket_key: '{[: "x"}',
  n_object_array_key: '{[1]:1}', n_object_not_closed: '{"a":1', n_object_closed_by_bracket: '{"a":1]', n_object_several_commas: '{"a":0,,,,,}', n_object_garbage: '{"a":"b"}#',
  n_object_missing_quote: '{"a:1}', n_object_emoji_key: "{\u{1F1E8}\u{1F1ED}}", n_object_33_deep: '{"a":'.repeat(32) + "{}" + "}".repeat(32),
  n_comment_block: '{"a":1/*c*/}', n_comment_line: '{"a":1}//c', n_comment_before: "/**/{}", n_comment_open: '{"a":1/*', n_comment_hash: '{"a":1}#c\n', n_comment_html: "<!-- -->{}", n_comment_slash: '{"a":1}/',

  /* ---- numbers */
  y_number_0: "[0]", y_number_minus_0: "[-0]", y_number_minus_1: "[-1]", y_number_0e1: "[0e1]", y_number_0e_plus_1: "[0e+1]", y_number_1e1: "[1E1]", y_number_1e_minus_2: "[1e-2]",
  y_number_1e_plus_2: "[1E+2]", y_number_123_456: "[123.456]", y_number_real_exp: "[123.456e78]", y_number_close_to_zero: "[-0.0000000000000000000000000000000000000000000001]",
  y_number_many_digits: "[0.1000000000000000055511151231257827021181583404541015625]", y_number_int64_max: "[9223372036854775807]", y_number_int64_min: "[-9223372036854775808]",
  y_number_then_space: "[4 ]", y_number_0_in_exponent: "[1e00]", y_number_minus_0_0: "[-0.0]",
  i_number_int64_max_plus_1: "[9223372036854775808]", i_number_int64_min_minus_1: "[-9223372036854775809]", i_number_uint64_max: "[18446744073709551615]",
  i_number_100_digits: `[${"9".repeat(100)}]`, i_number_60000_digits: `[${"1".repeat(60000)}]`, i_number_60000_decimals: `[0.${"1".repeat(60000)}]`,
  i_number_1e999: "[1e999]", i_number_minus_1e999: "[-1e999]", i_number_1e_minus_999: "[1e-999]", i_number_big_exponent: "[1e99999999999999999999]",
  i_number_big_negative_exponent: "[1e-99999999999999999999]", i_number_double_huge_negative: "[123.456e-789]", i_number_1_7976e308: "[1.7976931348623159e308]",
  n_number_plus_1: "[+1]", n_number_plus_plus: "[++1]", n_number_minus_minus: "[--1]", n_number_minus_alone: "[-]", n_number_minus_space: "[- 1]", n_number_leading_zero: "[012]",
  n_number_minus_leading_zero: "[-012]", n_number_two_zeros: "[00]", n_number_minus_two_zeros: "[-00]", n_number_dot_first: "[.1]", n_number_minus_dot: "[-.1]", n_number_dot_last: "[1.]", n_number_0_dot_e: "[0.e1]",
  n_number_2_dot_e3: "[2.e3]", n_number_two_dots: "[1.2.3]", n_number_e_alone: "[e1]", n_number_1e: "[1e]", n_number_1e_plus: "[1e+]", n_number_1e_minus: "[1e-]", n_number_1ee: "[1ee2]",
  n_number_1e_plus_minus: "[1e+-2]", n_number_1_0e: "[1.0e]", n_number_fraction_exponent: "[1e1.5]", n_number_hex: "[0x1]", n_number_hex_2: "[0x42]", n_number_octal: "[0o7]", n_number_binary: "[0b1]",
  n_number_underscore: "[1_000]", n_number_space: "[1 000]", n_number_comma_decimal: "[1,5,]", n_number_suffix: "[1a]", n_number_long: "[1L]", n_number_bigint: "[1n]", n_number_float: "[1.5f]",
  n_number_infinity: "[Infinity]", n_number_nan: "[NaN]", n_number_full_width: "[\uff11]", n_number_arabic: "[\u0661]", n_number_expression: "[1+2]", n_number_fraction: "[1/2]", n_number_percent: "[1%]",
  n_number_then_invalid_utf8: around("[1", bytes(0xe5), "]"), n_number_minus_space_0: "[- 0]", n_number_U_2212: "[\u22121]",

  /* ---- strings and escapes */
  y_string_all_escapes: '["\\"\\\\\\/\\b\\f\\n\\r\\t"]', y_string_u_escape: '["\\u0061\\u30af\\u30EA\\u30b9"]', y_string_u_escape_mixed_case: '["\\uA66D\\ua66d"]', y_string_escaped_surrogates: '["\\uD801\\udc37"]',
  y_string_two_pairs: '["\\ud83d\\ude39\\ud83d\\udc8d"]', y_string_escaped_noncharacter: '["\\uFFFF"]', y_string_escaped_fdd0: '["\\uFDD0"]', y_string_last_code_point: '["\\uDBFF\\uDFFF"]', y_string_first_pair: '["\\uD800\\uDC00"]',
  y_string_before_surrogates: '["\\uD7FF"]', y_string_behind_surrogates: '["\\uE000"]', y_string_escaped_control: '["\\u0012\\u001f"]', y_string_escaped_del: '["\\u007f"]', y_string_escaped_bom: '["\\uFEFF"]',
  y_string_double_escape: '["\\\\u0000"]', y_string_escaped_backslash_n: '["\\\\n"]', y_string_escaped_quote: '["\\""]', y_string_comments_within: '["a/*b*/c/*d//e"]', y_string_utf8: '["\u20ac\ud834\udd1e"]',
  y_string_del: '["a\x7fa"]', y_string_line_separator: '["\u2028\u2029"]', y_string_noncharacter: '["\uffff\u{10ffff}"]', y_string_bom_within: '["\ufeff"]', y_string_private: '["\u{10fffd}"]', y_string_combining: '["\u0061\u0301\u0320"]',
  y_string_rtl: '["\u202e\u05d0"]', y_string_2_bytes: around('["', hex("c280dfbf"), '"]'), y_string_3_bytes: around('["', hex("e0a080ed9fbfee8080"), '"]'), y_string_4_bytes: around('["', hex("f0908080f48fbfbf"), '"]'),
  y_string_60000: `["${"x".repeat(60000)}"]`, y_string_10000_escapes: `["${"\\u0061".repeat(10000)}"]`, y_string_of_brackets: `["${"[{".repeat(10000)}"]`,
  y_U0000_escaped: '["\\u0000"]', y_U0000_in_key: '{"a\\u0000b":1}', y_U0000_within_text: '["a\\u0000b"]',
  n_string_raw_newline: '["a\nb"]', n_string_raw_tab: '["\t"]', n_string_raw_nul: '["a\0b"]', n_string_raw_1f: '["\x1f"]', n_string_raw_cr: '["\r"]', n_string_raw_escape: '["\x1b"]', n_string_x_escape: '["\\x41"]',
  n_string_a_escape: '["\\a"]', n_string_v_escape: '["\\v"]', n_string_0_escape: '["\\0"]', n_string_octal_escape: '["\\101"]', n_string_quote_escape: '["\\\'"]', n_string_U_escape: '["\\U00000041"]', n_string_newline_escape: '["\\\n"]',
  n_string_emoji_escape: '["\\\u{1f300}"]', n_string_space_escape: '["\\ "]', n_string_invalid_utf8_escape: around('["\\', bytes(0xe5), '"]'), n_string_u_cut: '["\\u00A"]', n_string_u_no_digits: '["\\u"]', n_string_u_not_hex: '["\\u00g0"]',
  n_string_u_brace: '["\\u{61}"]', n_string_u_space: '["\\u 061"]', n_string_u_sign: '["\\u+061"]', n_string_backslash_last: '["\\"]', n_string_three_backslashes: '["\\\\\\"]', n_string_not_closed: '["a', n_string_not_closed_escape: '["\\', n_string_not_closed_u: '["\\u00',
  n_string_single_quotes: "['a']", n_string_no_quotes: "[a]", n_string_backquotes: "[`a`]", n_string_curly_quotes: "[\u201ca\u201d]", n_string_concatenated: '["a" "b"]', n_string_plus: '["a"+"b"]', n_string_escape_outside: "[\\u0020\"a\"]", n_string_quote_outside: '"a"b"',
  i_string_lone_high: '["\\uD800"]', i_string_lone_low: '["\\uDC00"]', i_string_high_then_text: '["\\uD800abc"]', i_string_high_then_newline: '["\\uD800\\n"]', i_string_high_then_escape: '["\\uD800\\u0061"]',
  i_string_two_high: '["\\uD800\\uD800"]', i_string_inverted: '["\\uDd1e\\uD834"]', i_string_high_then_cut: '["\\uD834\\uDd"]', i_string_high_then_u: '["\\uD834\\u"]', i_string_lone_in_key: '{"\\uDFAA":0}',

  /* ---- invalid UTF-8, other encodings, NUL */
  n_utf8_lone_continuation: around('["', bytes(0x81), '"]'), n_utf8_overlong_2: around('["', hex("c0af"), '"]'), n_utf8_overlong_3: around('["', hex("e08080"), '"]'), n_utf8_overlong_4: around('["', hex("f0808080"), '"]'),
  n_utf8_overlong_6: around('["', hex("fc83bfbfbfbf"), '"]'), n_utf8_overlong_nul: around('["', hex("c080"), '"]'), n_utf8_surrogate: around('["', hex("eda080"), '"]'), n_utf8_surrogate_pair: around('["', hex("eda080edb080"), '"]'),
  n_utf8_past_the_end: around('["', hex("f4908080"), '"]'), n_utf8_f5: around('["', hex("f5808080"), '"]'), n_utf8_fe: around('["', hex("fe"), '"]'), n_utf8_ff: around('["', hex("ff"), '"]'), n_utf8_cut_2: around('["', hex("c3"), '"]'),
  n_utf8_cut_3: around('["', hex("e282"), '"]'), n_utf8_cut_4: around('["', hex("f09f98"), '"]'), n_utf8_latin1: around('["', hex("e9"), '"]'), n_utf8_in_key: around('{"', hex("e9"), '":1}'), n_utf8_outside: around("[", hex("e9"), "]"),
  n_utf8_behind: around("[]", hex("ff"), ""), n_utf8_alone: hex("ff"), n_utf8_cut_at_the_end: around('["a"]', hex("c3"), ""), n_lone_latin1: hex("e9"), n_lone_eacute: "\u00e9",
  i_bom: "\ufeff{}", i_bom_alone: "\ufeff", n_bom_cut: hex("efbb7b7d"), n_bom_twice: "\ufeff\ufeff{}", n_bom_within: "[\ufeff]", n_bom_behind: "{}\ufeff",
  n_utf16le: utf16("{}"), n_utf16be: utf16("{}", true), n_utf16le_bom: utf16("\ufeff{}"), n_utf16be_bom: utf16("\ufeff{}", true), n_utf32le: hex("7b0000007d000000"), n_utf32be: hex("0000007b0000007d"), n_utf7: "+AHsAfQ-",
  n_nul_alone: "\0", n_nul_before: "\0{}", n_nul_behind: "{}\0", n_nul_within: "[1\0,2]", n_nul_in_key: '{"a\0":1}', n_nul_many: "\0".repeat(1000), n_nul_behind_a_value: "123\0", n_nul_then_more: '{"a":1}\0{"b":2}', n_gzip: hex("1f8b08000000000000ff"), n_cbor: hex("a0"), n_msgpack: hex("80"),
};

function send(body) {
  return new Promise((resolve, reject) => {
    const rq = http.request({ host: "127.0.0.1", port: world.port, method: "POST", path: "/v1/clients", agent,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "content-length": String(body.length) } }, (r) => {
      const got = [], from = r.socket.localPort;
      r.on("data", (d) => got.push(d));
      r.on("end", () => resolve({ status: r.statusCode, headers: r.headers, json: JSON.parse(Buffer.concat(got).toString("utf8")), from }));
    });
    rq.on("error", reject);
    rq.end(body);
  });
}

/* The expected problem code of a 400, where the documentation promises one. */
function codeOf(name) {
  if (/duplicate/.test(name)) return "json_duplicate_key";
  if (/_(33|2048)_deep|_open_60000|object_open$/.test(name)) return "json_too_deep";
  return "json_invalid";
}

test(`${Object.keys(cases).length} bodies over one connection`, async (t) => {
  assert.ok(Object.keys(cases).length >= 120);
  const ports = new Set();
  for (const [name, value] of Object.entries(cases)) {
    await t.test(name, async () => {
      const r = await send(Buffer.isBuffer(value) ? value : Buffer.from(value, "utf8"));
      ports.add(r.from);
      const allowed = name.startsWith("y_U0000") || name.startsWith("i_") ? [400, 422] : [name.startsWith("y_") ? 422 : 400];
      assert.ok(allowed.includes(r.status), `${r.status}: ${JSON.stringify(r.json)}`);
      assert.equal(r.json.code, r.status === 422 ? "invalid" : codeOf(name));
      assert.equal(r.headers.connection, "keep-alive");
      if (r.status === 422) assert.ok(r.json.errors.length >= 1 && r.json.errors.every((e) => e.pointer.startsWith("#") && e.detail));
    });
  }
  assert.equal(ports.size, 1, "all cases used one connection");
});

test("keys are parsed exactly: they come back as JSON Pointers", async () => {
  for (const [body, pointer] of [
    ['{"a":1}', "#/a"], ['{"\\u0061":1}', "#/a"], ['{"a\\/b":1}', "#/a~1b"], ['{"a~b":1}', "#/a~0b"], ['{"":1}', "#/"],
  ]) {
    const r = await send(Buffer.from(body));
    assert.equal(r.status, 422);
    assert.ok(r.json.errors.some((e) => e.pointer === pointer), `${body}: ${JSON.stringify(r.json.errors.map((e) => e.pointer))}`);
  }
});

test("random bytes, and valid JSON with one byte changed, never cause a 500", async () => {
  const good = Buffer.from(JSON.stringify(lib.newClient({ sales: { lines: 1, plan: "a\u00f1\"\\", activation_date: null } })));
  let state = 12345;
  const random = (n) => { state = (Math.imul(state, 1103515245) + 12345) >>> 0; return (state >>> 8) % n; };
  for (let i = 0; i < 300; i++) {
    const body = i % 3 === 0 ? Buffer.from(Array.from({ length: random(200) }, () => random(256))) : Buffer.from(good);
    /* The closing bracket is always removed, so the body is never valid. */
    if (i % 3 !== 0) { body[random(body.length)] = random(256); body[body.length - 1] = random(124); }
    const r = await send(body);
    assert.ok([400, 422].includes(r.status), `${r.status} ${body.toString("latin1")}`);
  }
});
