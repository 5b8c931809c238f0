// SPDX-License-Identifier: Apache-2.0
// A Node service of the oracle (workloads/calls.py): node_chain.js fetch|agent
'use strict';
const fs = require('fs');
const http = require('http');

const next = process.env.NEXT_URL;
const log = fs.openSync(process.env.REQUEST_LOG, 'a');
const agent = new http.Agent({keepAlive: true, maxSockets: 100});
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function spread(token) {
  let sum = 7;
  for (const letter of token) sum = (sum * 31 + letter.charCodeAt(0)) >>> 0;
  return sum >>> 4;
}

function record(side, token, serving) {
  fs.writeSync(log, JSON.stringify({side, token, serving, pid: process.pid}) + '\n');
}

async function byFetch(url, headers) {
  await (await fetch(url, {headers})).arrayBuffer();
}

function byAgent(url, headers) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, {headers, agent}, (reply) => {
      reply.on('data', () => {});
      reply.on('end', resolve);
    });
    request.on('error', reject);
    request.end();
  });
}

const send = process.argv[2] === 'fetch' ? byFetch : byAgent;

async function call(serving, name) {
  const token = serving ? `${serving}.${name}` : name;
  record('call', token, serving);
  await send(`${next}/${spread(token) % 3 ? 'fast' : 'slow'}`, {'X-Token': token});
  record('done', token, serving);
}

const handlers = {
  '/one': (token) => call(token, '0'),
  '/seq': async (token) => { await call(token, '0'); await call(token, '1'); },
  '/all': (token) => Promise.all([0, 1, 2].map((i) => call(token, String(i)))),
  '/timer': async (token) => { await wait(spread(token) % 20); await call(token, '0'); },
  '/fire': async (token) => { call(token, 'late'); },
};

http.createServer(async (request, response) => {
  await handlers[request.url](request.headers['x-token']);
  response.end('ok');
}).listen(0, '127.0.0.1', function() {
  console.log(`listening ${this.address().port} ${process.pid}`);
  if (process.env.POLL) {
    let number = 0;
    setInterval(() => call('', `poll-${number++}`), 20);
  }
});
