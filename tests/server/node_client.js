// node-postgres against the server that node_test.py starts: its address is in the environment.
'use strict';

const assert = require('assert');
const dns = require('dns');
const fs = require('fs');
const {test} = require('node:test');
const {Client, Pool, Query} = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');

dns.setDefaultResultOrder('ipv4first');  // The server listens at 127.0.0.1.
const ENDLESS = process.env.DASHI_ENDLESS;
const NOON = new Date('2026-11-28T10:30:00Z');
const WHERE = {
  host: 'localhost', port: Number(process.env.DASHI_PORT), user: 'ann', password: 'a pencil',
  database: 'w',
};
const VERIFIED = {ssl: {ca: fs.readFileSync(process.env.DASHI_CERTIFICATE)}};

// Runs `body` with a connection of its own.
async function connected(body, more = {}) {
  const client = new Client({...WHERE, ...more});
  await client.connect();
  try {
    return await body(client);
  } finally {
    await client.end();
  }
}

// A test whose body gets a connection.
function testWith(name, body, more = {}) {
  test(name, () => connected(body, more));
}

async function values(client, text, parameters, more = {}) {
  return (await client.query({text, values: parameters, rowMode: 'array', ...more})).rows;
}

// COPY as pg-copy-streams does it: the messages of the protocol by pg's interface for such modules.
class Copy {
  constructor(text, chunks) {
    Object.assign(this, {text, chunks, received: []});
    this.done = new Promise((resolve, reject) => Object.assign(this, {resolve, reject}));
  }
  submit(connection) { connection.query(this.text); }
  handleCopyInResponse(connection) {
    for (const chunk of this.chunks) {
      if (chunk instanceof Error) return connection.sendCopyFail(chunk.message);
      connection.sendCopyFromChunk(Buffer.from(chunk));
    }
    connection.endCopyFrom();
  }
  handleCopyData(message) { this.received.push(message.chunk); }
  handleCommandComplete(message) { this.tag = message.text; }
  handleError(error) { this.reject(error); }
  handleReadyForQuery() { this.resolve(this.tag); }
}

function copy(client, text, chunks = []) {
  const one = client.query(new Copy(text, chunks));
  return one.done.then((tag) => ({tag, bytes: Buffer.concat(one.received)}));
}

test('passwords by SCRAM, in the clear and under TLS', async () => {
  for (const more of [{}, VERIFIED, {ssl: {rejectUnauthorized: false}}]) {
    await connected(async (client) => {
      assert.strictEqual(Boolean(client.connection.stream.encrypted), Boolean(more.ssl));
      assert.deepStrictEqual(await values(client, 'SELECT 40 + 2'), [['42']]);
    }, more);
  }
  await assert.rejects(connected(() => {}, {password: 'x'}), {code: '28P01'});
  await assert.rejects(connected(() => {}, {user: 'nobody'}), {code: '28P01'});
  const other = {ca: fs.readFileSync(process.env.DASHI_OTHER_CERTIFICATE)};
  await assert.rejects(connected(() => {}, {ssl: other}), /certificate/);
});

testWith('a reader may not write', async (client) => {
  await assert.rejects(client.query('DELETE FROM labels'), {code: '42501'});
  assert.deepStrictEqual(await values(client, 'SELECT count(*) FROM labels'), [['3']]);
}, {user: 'bob', password: 'a pen'});

testWith('simple queries', async (client) => {
  const several = await client.query('SELECT 1 AS a; SELECT id FROM labels ORDER BY id');
  assert.deepStrictEqual(several.map((one) => one.rows.length), [1, 3]);
  assert.deepStrictEqual(several[1].rows[2], {id: 'L3'});
  const empty = await client.query('');
  assert.deepStrictEqual(empty.rows, []);
  const notices = [];
  client.on('notice', (notice) => notices.push(notice.code));
  await client.query('BEGIN');
  await client.query('BEGIN');
  assert.deepStrictEqual(notices, ['25001']);
});

testWith('parameters as text and bytes', async (client) => {
  const [row] = await values(
      client, 'SELECT $1::int2, $2::int4, $3::int8, $4::float8, $5::text, $6::text, $7::bytea, ' +
      '$8::bool, $9::timestamptz, $10::date::text',
      [1, -70000, '1099511627776', 2.5, 'café 日本', null, Buffer.from([0, 255]), true, NOON,
       '2026-01-02']);
  assert.deepStrictEqual(row, ['1', '-70000', '1099511627776', 2.5, 'café 日本', null,
                               Buffer.from([0, 255]), true, NOON, '2026-01-02']);
  assert.deepStrictEqual(
      await values(client, 'SELECT id FROM labels WHERE id = ANY($1) ORDER BY id',
                   [['L3', 'L1', 'a "b", c', null]]), [['L1'], ['L3']]);
  assert.deepStrictEqual(await values(client, 'SELECT ARRAY[1, 2], $1', ["it's"]),
                         [[['1', '2'], "it's"]]);
});

testWith('columns', async (client) => {
  await client.query('BEGIN');
  await client.query(
      'INSERT INTO documents (id, text, year, price, active, seen) VALUES ($1, $2, $3, $4, $5, $6)',
      ['node', 'x', 2026, 0.5, true, NOON]);
  const {fields, rows} = await client.query({
    text: "SELECT year, price, active, seen, x'00ff', text, NULL, count(*) OVER (), " +
          "DATE '2026-01-02' FROM documents WHERE id = $1", values: ['node'], rowMode: 'array'});
  assert.deepStrictEqual(rows, [['2026', 0.5, true, NOON, Buffer.from([0, 255]), 'x', null, '1',
                                 '2026-01-02']]);
  assert.deepStrictEqual(fields.map((field) => field.dataTypeID),
                         [20, 701, 16, 1184, 17, 25, 25, 20, 1082]);
  await client.query('ROLLBACK');
});

// pg 8.8 announces a format for its results and sends none.
testWith('a Bind that breaks off', async (client) => {
  await assert.rejects(client.query({text: 'SELECT $1', values: ['x'], binary: true}),
                       {code: '08P01'});
  assert.deepStrictEqual(await values(client, 'SELECT $1', ['x']), [['x']]);
});

testWith('named statements', async (client) => {
  for (let i = 0; i < 10; ++i) {
    const id = `L${i % 3 + 1}`;
    const query = {name: 'by id', text: 'SELECT id FROM labels WHERE id = $1'};
    assert.deepStrictEqual(await values(client, query.text, [id], query), [[id]]);
  }
  await assert.rejects(
      client.query({name: 'bad', text: 'SELECT nope FROM labels', values: []}), {code: '42703'});
  assert.deepStrictEqual(await values(client, 'SELECT 1', [], {name: 'good'}), [['1']]);
});

testWith('topk', async (client) => {
  for (const name of [undefined, 'nearest', 'nearest']) {
    const {rows} = await client.query({
      name, text: 'SELECT label, score FROM topk($1, 2)', values: ['small headphones']});
    assert.strictEqual(rows.length, 2);
    assert.strictEqual(rows[0].label, 'L1');
    assert.ok(rows[0].score > rows[1].score && rows[0].score <= 1);
  }
});

testWith('transactions and errors', async (client) => {
  const insert = (id) => client.query('INSERT INTO anchors (id, text) VALUES ($1, $2)', [id, 'x']);
  await client.query('BEGIN');
  assert.strictEqual((await insert('node tx')).rowCount, 1);
  await client.query('SAVEPOINT s');
  await assert.rejects(insert('node tx'), {code: '23505', severity: 'ERROR'});
  await assert.rejects(client.query('SELECT $1', ['x']), {code: '25P02'});
  await client.query('ROLLBACK TO s');
  assert.strictEqual((await values(client, "SELECT 1 FROM anchors WHERE id = 'node tx'")).length,
                     1);
  await assert.rejects(client.query('SELECT nope FROM labels WHERE id = $1', ['x']),
                       {code: '42703', position: '8'});
  assert.strictEqual((await client.query('COMMIT')).command, 'ROLLBACK');
  assert.deepStrictEqual(await values(client, "SELECT 1 FROM anchors WHERE id = 'node tx'"), []);
  await client.query('BEGIN');
  await insert('node tx');
  await client.query('COMMIT');
  assert.strictEqual((await client.query("DELETE FROM anchors WHERE id = 'node tx'")).rowCount, 1);
});

testWith('portals with row limits', async (client) => {
  const numbers = 'SELECT n FROM generate_series(1, $1) AS g(n)';
  const cursor = client.query(new Cursor(numbers, [5], {rowMode: 'array'}));
  assert.deepStrictEqual(await cursor.read(2), [['1'], ['2']]);
  assert.deepStrictEqual(await cursor.read(3), [['3'], ['4'], ['5']]);
  assert.deepStrictEqual(await cursor.read(2), []);
  const closed = client.query(new Cursor(numbers, [1000000]));
  assert.strictEqual((await closed.read(10)).length, 10);
  await closed.close();
  let sum = 0;
  for await (const row of client.query(new QueryStream(numbers, [1000], {batchSize: 16}))) {
    sum += Number(row.n);
  }
  assert.strictEqual(sum, 500500);
  const failing = client.query(new Cursor('SELECT nope FROM labels'));
  await assert.rejects(failing.read(1), {code: '42703'});
  assert.deepStrictEqual(await values(client, 'SELECT 1'), [['1']]);
});

testWith('COPY', async (client) => {
  await client.query('BEGIN');
  const into = 'COPY anchors (id, text) FROM STDIN';
  assert.strictEqual((await copy(client, into, ['n1\tx', '\\ty\nn2\t\u00e9\n'])).tag, 'COPY 2');
  assert.strictEqual((await copy(client, into + ' WITH CSV HEADER',
                                 ['id,text\nn3,"a, ""b"""\n'])).tag, 'COPY 1');
  const rows = 'COPY (SELECT id, text FROM anchors ORDER BY id) TO STDOUT';
  assert.strictEqual((await copy(client, rows)).bytes.toString(),
                     'n1\tx\\ty\nn2\t\u00e9\nn3\ta, "b"\n');
  const {bytes} = await copy(client, rows + ' (FORMAT binary)');
  await client.query('DELETE FROM anchors');
  assert.strictEqual((await copy(client, into + ' (FORMAT binary)', [bytes])).tag, 'COPY 3');
  assert.deepStrictEqual((await copy(client, rows + ' (FORMAT binary)')).bytes, bytes);
  await client.query('SAVEPOINT s');
  await assert.rejects(copy(client, into, ['n1\tagain\n']), {code: '23505'});
  await client.query('ROLLBACK TO s');
  await assert.rejects(copy(client, into, ['n4\tx\n', new Error('no more')]),
                       {code: '57014', message: /no more/});
  await client.query('ROLLBACK');
  assert.deepStrictEqual(await values(client, 'SELECT count(*) FROM anchors'), [['0']]);
});

testWith('cancelling', async (client) => {
  const running = new Query(ENDLESS);
  const failed = new Promise((resolve) => running.on('error', resolve));
  client.query(running);
  // What comes too early is forgotten, so it is asked again.
  const asking = setInterval(() => new Client(WHERE).cancel(client, running), 300);
  const error = await failed;
  clearInterval(asking);
  assert.strictEqual(error.code, '57014');
  await client.query("SET statement_timeout = '60s'");
  const another = client.query(ENDLESS + ' WHERE n > $1', [0]);
  const ended = assert.rejects(another, {code: '57014'});
  await connected(async (other) => {
    const cancel = 'SELECT pg_cancel_backend($1)';
    const again = setInterval(() => other.query(cancel, [client.processID]).catch(() => {}),
                              300);
    await ended;
    clearInterval(again);
  });
});

testWith('settings at connecting', async (client) => {
  assert.deepStrictEqual(await values(client, 'SHOW application_name'), [['node tests']]);
  await assert.rejects(client.query(ENDLESS + ' WHERE n > $1', [0]), {code: '57014'});
  assert.deepStrictEqual(await values(client, 'SELECT 1'), [['1']]);
}, {statement_timeout: 200, lock_timeout: 1000, idle_in_transaction_session_timeout: 60000,
    application_name: 'node tests', options: '-c DateStyle=ISO'});

test('pools', async () => {
  const pool = new Pool({...WHERE, ...VERIFIED, max: 4});
  const query = 'SELECT text FROM labels WHERE id = $1';
  const results = await Promise.all(Array.from({length: 40}, () => pool.query(query, ['L2'])));
  assert.ok(results.every((one) => one.rows[0].text === 'cables'));
  assert.strictEqual(pool.totalCount, 4);
  const client = await pool.connect();
  await assert.rejects(client.query('SELECT nope'), {code: '42703'});
  client.release();
  const dropped = await pool.connect();
  dropped.release(new Error('dropped'));
  const reset = await pool.connect();
  await reset.query("SET application_name = 'one'");
  await reset.query('DISCARD ALL');
  assert.deepStrictEqual(await values(reset, 'SHOW application_name'), [['']]);
  reset.release();
  await pool.end();
});

testWith('the catalog', async (client) => {
  assert.deepStrictEqual(
      await values(client, 'SELECT column_name, data_type FROM information_schema.columns ' +
                   'WHERE table_name = $1 ORDER BY ordinal_position', ['documents']),
      [['id', 'text'], ['text', 'text'], ['split', 'text'],
       ['updated_at', 'timestamp with time zone'], ['year', 'bigint'],
       ['price', 'double precision'], ['active', 'boolean'],
       ['seen', 'timestamp with time zone']]);
  assert.deepStrictEqual(await values(client, "SELECT 'labels'::regclass::text"), [['labels']]);
});
