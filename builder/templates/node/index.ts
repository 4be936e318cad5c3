/**
 * The HTTP server of the node template: loads function/handler and answers with it, by the OpenFaaS handler contract
 * (event, context, callback). Only Node's own modules, because starting quickly is what a cold start is made of.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { chmodSync, existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { answer, type Handler } from './answer';
import { readLimits } from './limits';
import { markLines } from './marks';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'function');
const limits = readLimits(process.env);
const calls = new AsyncLocalStorage<string>();
markLines(process.stdout, calls);
markLines(process.stderr, calls);

const handler = loadHandler();
let isStopping = false;
let inFlight = 0;

const server = createServer((request, response) => {
  if (request.url === '/_/health' || request.url === '/_/ready') {
    if (request.method !== 'GET') return reply(response, 405, 'Method not allowed');
    const isFull = request.url === '/_/ready' && limits.maxInFlight > 0 && inFlight >= limits.maxInFlight;
    return reply(response, isStopping ? 503 : isFull ? 429 : 200, isStopping ? 'Stopping' : isFull ? 'Busy' : 'OK');
  }
  if (limits.maxInFlight > 0 && inFlight >= limits.maxInFlight) {
    response.setHeader('x-openfaas-internal', 'faas-middleware');
    return reply(response, 429, `Concurrent request limit exceeded. Max concurrent requests: ${limits.maxInFlight}`);
  }
  inFlight += 1;
  response.once('close', () => {
    inFlight -= 1;
    if (isStopping && inFlight === 0) process.exit(0);
  });
  calls.run(callIdOf(request), () => void answer(handler, request, response, limits));
});
server.keepAliveTimeout = 75_000; // longer than the gateway keeps an idle connection, so that it closes first
server.requestTimeout = 0;

const socket = process.env.WHERRY_LISTEN;
if (socket) {
  rmSync(socket, { force: true });
  server.listen(socket, () => chmodSync(socket, 0o660));
} else {
  server.listen(Number(process.env.port ?? 8080));
}

process.on('SIGTERM', () => {
  isStopping = true;
  server.close();
  if (inFlight === 0) process.exit(0);
});
process.on('uncaughtException', (error) => {
  // After this the state of the process is unknown: the platform starts a new one.
  process.stderr.write(`Uncaught error; the replica ends and is started again: ${error.stack ?? String(error)}\n`);
  process.exit(1);
});

function callIdOf(request: IncomingMessage): string {
  const id = request.headers['x-call-id'];
  return typeof id === 'string' ? id : '';
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(text) }).end(text);
}

/** `require` loads CommonJS and ES modules alike, and faster than a dynamic import. */
function loadHandler(): Handler {
  const file = handlerFile();
  const loaded: unknown = createRequire(file)(file);
  const candidates = [loaded, (loaded as { default?: unknown })?.default, (loaded as { handler?: unknown })?.handler];
  const found = candidates.find((candidate) => typeof candidate === 'function');
  if (!found) {
    process.stderr.write(`${path.basename(file)} must export a function: module.exports = async (event, context) => …\n`);
    process.exit(1);
  }
  return found as Handler;
}

function handlerFile(): string {
  const names = ['handler.js', 'handler.mjs', 'handler.cjs', 'index.js', 'index.mjs'];
  try {
    const main: unknown = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')).main;
    if (typeof main === 'string') names.unshift(main);
  } catch {
    // no package.json, or one without "main"
  }
  const found = names.map((name) => path.join(folder, name)).find((file) => existsSync(file));
  if (found) return found;
  process.stderr.write(`The function has no handler: add one of ${names.join(', ')}.\n`);
  process.exit(1);
}
