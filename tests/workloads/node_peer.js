// SPDX-License-Identifier: Apache-2.0
// Node's own HTTP server, and its two clients.
//   node_peer.js server
//   node_peer.js client fetch|agent URL REQUESTS CONCURRENCY PREFIX
'use strict';
const fs = require('fs');
const http = require('http');

const log = fs.openSync(process.env.REQUEST_LOG, 'a');
const now = () => Number(BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6)));
function record(side, method, path, status, rest) {
  fs.writeSync(log, JSON.stringify({side, method, path, status, pid: process.pid, ...rest}) + '\n');
}

function serve() {
  const server = http.createServer((request, response) => {
    const begin = now();
    let received = 0;
    request.on('data', (piece) => { received += piece.length; });
    request.on('end', () => {
      const status = Number(request.headers['x-reply-status'] || 200);
      const size = Number(request.headers['x-reply-bytes'] || 0);
      const bodyless = request.method === 'HEAD' || status === 204 || status === 304;
      response.statusCode = status;
      const body = Buffer.alloc(size, 'x');
      if (request.headers['x-reply-chunked'] === '1' && !bodyless) {
        response.write(body.subarray(0, size >> 1));
        response.end(body.subarray(size >> 1));
      } else {
        response.end(bodyless ? undefined : body);
      }
      record('server', request.method, request.url, status, {
        request_bytes: received, response_bytes: bodyless ? 0 : size,
        server_port: request.socket.localPort, client_port: request.socket.remotePort,
        start_ns: begin, end_ns: now()});
    });
  });
  server.listen(0, '127.0.0.1', () => {
    console.log(`listening ${server.address().port} ${process.pid}`);
  });
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];
const STATUSES = [200, 201, 404, 500, 204];
function plan(i, prefix) {
  const method = METHODS[i % METHODS.length];
  const body = method === 'POST' || method === 'PUT' ? 'b'.repeat((i * 31) % 4000 + 1) : undefined;
  const headers = {'x-reply-status': String(STATUSES[i % STATUSES.length]),
    'x-reply-bytes': String((i * 777) % 9000), 'x-reply-chunked': i % 3 ? '0' : '1'};
  return {method, path: `/items/${prefix}-${i}`, body, headers};
}

async function byFetch(url, p) {
  const reply = await fetch(url + p.path, {method: p.method, body: p.body, headers: p.headers});
  return {status: reply.status, size: (await reply.arrayBuffer()).byteLength};
}

const agent = new http.Agent({keepAlive: true, maxSockets: 20});
function byAgent(url, p) {
  return new Promise((resolve, reject) => {
    const request = http.request(url + p.path, {method: p.method, headers: p.headers, agent}, (reply) => {
      let size = 0;
      reply.on('data', (piece) => { size += piece.length; });
      reply.on('end', () => resolve({status: reply.statusCode, size}));
    });
    request.on('error', reject);
    request.end(p.body);
  });
}

async function ask([library, url, count, concurrency, prefix]) {
  const send = library === 'fetch' ? byFetch : byAgent;
  let next = 0;
  async function worker() {
    for (let i = next++; i < Number(count); i = next++) {
      const p = plan(i, prefix);
      const begin = now();
      const reply = await send(url, p);
      record('client', p.method, p.path, reply.status, {
        request_bytes: p.body ? p.body.length : 0, response_bytes: reply.size,
        server_port: Number(new URL(url).port), start_ns: begin, end_ns: now()});
    }
  }
  await Promise.all(Array.from({length: Number(concurrency)}, worker));
  process.exit(0);
}

if (process.argv[2] === 'server') serve(); else ask(process.argv.slice(3));
