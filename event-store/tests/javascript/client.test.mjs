// The official JavaScript client, unmodified: what its users do. Run by tests/it/javascript_client.rs.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ClickHouseError, ClickHouseLogLevel, TupleParam, createClient } from "@clickhouse/client";

const { STORE_URL: url, STORE_PASSWORD: password } = process.env;
// Few and slow rows: the client has read them when the exception comes.
const FAILING = "SELECT number, sleepEachRow(0.01) AS s, throwIf(number = 90, 'boom') AS f FROM numbers(100) SETTINGS max_block_size = 10";
const ENDLESS = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)";
const clients = [];

function client(options = {}) {
  const made = createClient({ url, username: "writer", password, database: "store", log: { level: ClickHouseLogLevel.OFF }, ...options });
  clients.push(made);
  return made;
}

const plain = client();
after(() => Promise.all(clients.map((each) => each.close())));

async function rows(query, options = {}, by = plain) {
  const result = await by.query({ query, format: "JSONEachRow", ...options });
  return result.json();
}

async function table(columns) {
  const name = `t_${randomUUID().replaceAll("-", "")}`;
  await plain.command({ query: `CREATE TABLE ${name} (${columns}) ENGINE = MergeTree ORDER BY tuple()` });
  return name;
}

async function within(what, milliseconds, holds) {
  const until = Date.now() + milliseconds;
  while (!(await holds())) {
    assert.ok(Date.now() < until, `waited in vain for ${what}`);
    await pause(20);
  }
}

const running = async (comment) => {
  const query = "SELECT count() AS n FROM system.processes WHERE Settings['log_comment'] = {comment:String}";
  return Number((await rows(query, { query_params: { comment } }))[0].n);
};

test("pings, with and without asking who it is", async () => {
  assert.deepEqual(await plain.ping(), { success: true });
  assert.deepEqual(await plain.ping({ select: true }), { success: true });
  const refused = await client({ password: "wrong" }).ping({ select: true });
  assert.equal(refused.success, false);
  assert.equal(refused.error.code, "516");
});

test("inserts arrays and streams, in rows, values and text", async () => {
  const name = await table("id UInt64, name String, at DateTime64(3, 'UTC'), tags Array(String)");
  const at = "2026-01-02 03:04:05.678";
  const summary = await plain.insert({
    table: name,
    format: "JSONEachRow",
    values: [{ id: 1, name: "a\t'\n\\\u{1f980}", at, tags: ["x", "y'"] }, { id: "18446744073709551615", name: "b", at, tags: [] }],
  });
  assert.equal(summary.executed, true);
  assert.equal(summary.summary.written_rows, "2");
  await plain.insert({ table: name, columns: ["id", "name"], format: "JSONCompactEachRow", values: [[3, "c"]] });
  const stream = Readable.from((function* () {
    for (let id = 100; id < 50_100; id += 1) yield { id, name: `n${id}`, at, tags: [] };
  })());
  await plain.insert({ table: name, format: "JSONEachRow", values: stream });
  const csv = Readable.from(["7,seven,", `"${at}","['z']"\n`], { objectMode: false });
  await plain.insert({ table: name, format: "CSV", values: csv });
  assert.deepEqual(await plain.insert({ table: name, values: [] }).then((done) => done.executed), false);

  const [sums] = await rows(`SELECT count() AS n, uniqExact(id) AS ids FROM ${name}`);
  assert.deepEqual(sums, { n: 50004, ids: 50004 });
  const [first] = await rows(`SELECT * FROM ${name} WHERE id = 1`);
  assert.deepEqual(first, { id: 1, name: "a\t'\n\\\u{1f980}", at, tags: ["x", "y'"] });
  const exact = { clickhouse_settings: { output_format_json_quote_64bit_integers: 1 } };
  assert.equal((await rows(`SELECT id FROM ${name} WHERE name = 'b'`, exact))[0].id, "18446744073709551615");
});

test("keeps nothing of an insert that fails or is given up", async () => {
  const name = await table("id UInt64");
  await assert.rejects(plain.insert({ table: name, format: "JSONEachRow", values: [{ id: 1 }, { id: "x" }] }), ClickHouseError);
  const controller = new AbortController();
  const slow = Readable.from((async function* () {
    for (let id = 0; ; id += 1) {
      yield { id };
      if (id === 1000) controller.abort();
      if (id > 1000) await pause(10);
    }
  })());
  await assert.rejects(plain.insert({ table: name, format: "JSONEachRow", values: slow, abort_signal: controller.signal }));
  slow.destroy();
  assert.equal((await rows(`SELECT count() AS n FROM ${name}`))[0].n, 0);
});

test("reads results whole, row by row and as text", async () => {
  const whole = await (await plain.query({ query: "SELECT number AS a, toString(a) AS b FROM numbers(3)" })).json();
  assert.equal(whole.rows, 3);
  assert.deepEqual(whole.meta, [{ name: "a", type: "UInt64" }, { name: "b", type: "String" }]);
  assert.deepEqual(whole.data[2], { a: 2, b: "2" });
  assert.ok(whole.statistics.elapsed >= 0);

  const result = await plain.query({ query: "SELECT number FROM numbers(300000)", format: "JSONCompactEachRow" });
  let [count, sum] = [0, 0];
  for await (const some of result.stream()) {
    for (const row of some) [count, sum] = [count + 1, sum + Number(row.json()[0])];
  }
  assert.deepEqual([count, sum], [300_000, (300_000 * 299_999) / 2]);

  const csv = await plain.query({ query: "SELECT 1 AS a, 'x,\"y\"' AS b", format: "CSVWithNames" });
  assert.equal(await csv.text(), '"a","b"\n1,"x,""y"""\n');
  for (const format of ["JSONStrings", "JSONCompact", "JSONColumnsWithMetadata", "JSONObjectEachRow"]) {
    assert.ok(await (await plain.query({ query: "SELECT 1 AS a", format })).json(), format);
  }
  assert.deepEqual(await rows("SHOW TABLES LIKE 'nothing'"), []);
});

test("compresses requests and answers", async () => {
  const methods = [{ request: true, response: true }, { request: { codec: "br" }, response: { codec: "br" } }];
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 15)) methods.push({ request: { codec: "zstd" }, response: { codec: "zstd" } });
  for (const compression of methods) {
    const packed = client({ compression });
    const name = await table("id UInt64, name String");
    const values = Array.from({ length: 20_000 }, (_, id) => ({ id, name: `name ${id}` }));
    await packed.insert({ table: name, format: "JSONEachRow", values });
    await packed.insert({ table: name, format: "JSONEachRow", values: Readable.from(values) });
    await packed.command({ query: `INSERT INTO ${name} SELECT number, '' FROM numbers(5)` });
    const result = await packed.query({ query: `SELECT * FROM ${name}`, format: "JSONEachRow" });
    assert.equal(result.response_headers["content-encoding"], compression.response.codec ?? "gzip");
    assert.equal((await result.json()).length, 40_005);
    const { stream } = await packed.exec({ query: "SELECT 42 FORMAT TSV" });
    assert.equal(await text(stream), "42\n");
    await assert.rejects(rows("SELECT nope", {}, packed), { code: "47", type: "UNKNOWN_IDENTIFIER" });
    await assert.rejects(rows(FAILING, {}, packed), { code: "395", message: /boom/ });
  }
});

test("binds parameters of all types", async () => {
  const nasty = "it's \\ a\ttab\nline\r\"quote\" {x:y} \u{1f980}";
  const query = `SELECT {i:Int64} AS i, toString({u:UInt256}) AS u, {f:Float64} AS f, {s:String} AS s, {b:Bool} AS b, {n:Nullable(String)} AS n,
    {d:DateTime64(3, 'UTC')} AS d, {day:Date} AS day, {a:Array(String)} AS a, {t:Tuple(UInt8, String)} AS t,
    {m:Map(String, UInt32)} AS m, {e:Enum('x' = 1, 'y' = 2)} AS e, {id:UUID} AS id, {dec:Decimal(10, 2)} AS dec,
    {nested:Array(Array(Nullable(UInt8)))} AS nested FROM {table:Identifier}`;
  const id = randomUUID();
  const query_params = {
    i: -5, u: 2n ** 200n, f: 1.5, s: nasty, b: true, n: null, d: new Date("2026-01-02T03:04:05.678Z"), day: "2026-02-03",
    a: [nasty, ""], t: new TupleParam([7, nasty]), m: new Map([["k'", 1]]), e: "y", id, dec: "12.30", nested: [[1, null], []],
    table: "numbers",
  };
  const from = query.replace("{table:Identifier}", "numbers(1)");
  const expected = {
    i: -5, u: (2n ** 200n).toString(), f: 1.5, s: nasty, b: true, n: null, d: "2026-01-02 03:04:05.678", day: "2026-02-03",
    a: [nasty, ""], t: [7, nasty], m: { "k'": 1 }, e: "y", id, dec: 12.3, nested: [[1, null], []],
  };
  for (const way of [{}, { use_multipart_params: true }]) {
    assert.deepEqual(await rows(from, { query_params, ...way }), [expected]);
  }
  const [one] = await rows("SELECT count() AS n FROM {db:Identifier}.{table:Identifier}", { query_params: { db: "system", table: "one" } });
  assert.equal(one.n, 1);
  const long = { many: Array.from({ length: 20_000 }, (_, n) => `value ${n}`) };
  const [many] = await rows("SELECT length({many:Array(String)}) AS n", { query_params: long, use_multipart_params_auto: true });
  assert.equal(many.n, 20_000);
  await assert.rejects(rows("SELECT {missing:String}"), { code: "456" });
});

test("runs commands and statements of its own making", async () => {
  const name = await table("a UInt8");
  const done = await plain.command({ query: `INSERT INTO ${name} VALUES (1), (2);`, clickhouse_settings: { wait_end_of_query: 1 } });
  assert.equal(done.summary.written_rows, "2");
  assert.equal(done.response_headers["x-clickhouse-query-id"], done.query_id);
  const loaded = await plain.exec({ query: `INSERT INTO ${name} FORMAT TSV`, values: Readable.from(["3\n4\n"], { objectMode: false }) });
  assert.equal(await text(loaded.stream), "");
  const { stream } = await plain.exec({ query: `SELECT a FROM ${name} ORDER BY a FORMAT TabSeparated` });
  assert.equal(await text(stream), "1\n2\n3\n4\n");
  const settings = { max_threads: 3, log_comment: "a 'comment'" };
  const query = "SELECT getSetting('max_threads') AS threads, getSetting('log_comment') AS comment";
  assert.deepEqual(await rows(query, { clickhouse_settings: settings }), [{ threads: 3, comment: "a 'comment'" }]);
  assert.equal((await rows(query))[0].comment, "", "settings are one request's");
  await plain.command({ query: `DROP TABLE ${name}` });
  await assert.rejects(rows(`SELECT * FROM ${name}`), { code: "60", type: "UNKNOWN_TABLE" });
});

test("is told of errors before and amid a result", async () => {
  await assert.rejects(plain.query({ query: "SELEC 1" }), { code: "62" });
  await assert.rejects(rows("SELECT 1", { clickhouse_settings: { no_such: 1 } }), { code: "115" });
  await assert.rejects(rows("SELECT 1", { auth: { username: "writer", password: "wrong" } }), { code: "516" });
  const result = await plain.query({ query: FAILING, format: "JSONEachRow" });
  let read = 0;
  const reading = (async () => {
    for await (const some of result.stream()) read += some.length;
  })();
  await assert.rejects(reading, { code: "395" });
  assert.ok(read >= 10, `${read} rows came first`);
  // The answer begins when the statement has ended: now it is an error with a status.
  const settings = { wait_end_of_query: 1 };
  await assert.rejects(plain.query({ query: FAILING, format: "JSONEachRow", clickhouse_settings: settings }), { code: "395" });
  const session_id = randomUUID();
  assert.deepEqual(await rows("SELECT 1 AS a", { session_id }), [{ a: 1 }]);
  const kept = plain.command({ query: "SET max_threads = 1", session_id });
  await assert.rejects(kept, { code: "48", message: /Sessions are not kept here/ });
  await assert.rejects(rows("SELECT 1", { role: "admin" }), { code: "511" });
});

test("gives a query up, and it ends", async () => {
  const comment = randomUUID();
  const controller = new AbortController();
  const asked = rows(ENDLESS, { abort_signal: controller.signal, clickhouse_settings: { log_comment: comment } });
  await within("the query to run", 20_000, async () => (await running(comment)) === 1);
  controller.abort();
  await assert.rejects(asked, /abort/i);
  await within("the query to end", 5_000, async () => (await running(comment)) === 0);

  const query = "SELECT number FROM numbers(1000000000000)";
  const result = await plain.query({ query, format: "JSONEachRow", clickhouse_settings: { log_comment: comment } });
  const stream = result.stream();
  for await (const some of stream) {
    if (some.length > 0) break;
  }
  result.close();
  await within("the stream's query to end", 5_000, async () => (await running(comment)) === 0);
});

test("kills a query by the id that it gave it", async () => {
  const query_id = `report '${randomUUID()}'`;
  const comment = randomUUID();
  const asked = rows(ENDLESS, { query_id, clickhouse_settings: { log_comment: comment } });
  const other = rows(ENDLESS, { clickhouse_settings: { log_comment: `other ${comment}`, max_execution_time: 6, timeout_overflow_mode: "throw" } });
  const ended = [assert.rejects(asked, { code: "394" }), assert.rejects(other, { code: "159" })];
  await within("the queries to run", 20_000, async () => (await running(comment)) + (await running(`other ${comment}`)) === 2);
  await plain.command({ query: "KILL QUERY WHERE query_id = {query_id:String} SYNC", query_params: { query_id } });
  assert.equal(await running(comment), 0);
  await Promise.all(ended);
  const result = await plain.query({ query: "SELECT 1", query_id: "mine" });
  assert.equal(result.query_id, "mine");
  assert.equal(result.response_headers["x-clickhouse-query-id"], "mine");
  await result.text();
});

test("asks many things at once over kept connections", async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) => rows("SELECT {n:UInt32} AS n", { query_params: { n }, clickhouse_settings: { max_threads: (n % 4) + 1 } })),
  );
  assert.deepEqual(answers.map(([row]) => row.n), Array.from({ length: 100 }, (_, n) => n));
});
