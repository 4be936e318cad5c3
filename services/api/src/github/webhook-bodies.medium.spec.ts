import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { deliver, registerApp } from '../testing/github-app';
import { startApi, type Harness } from '../testing/harness';

const secret = 'the webhook secret';
const mib = 1_048_576;
const open: { close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function startWith(limits: Parameters<typeof startApi>[0] & object): Promise<Harness> {
  const api = await startApi(limits);
  open.push(api);
  await registerApp(api, secret);
  return api;
}

/** Somebody who cannot sign announces a body, sends some of it, and stops. `answer`: all that comes back, once it ends. */
function stall(api: Harness, sentBytes: number): { socket: Socket; answer: Promise<string> } {
  const socket = connect(api.port, '127.0.0.1');
  open.push({ close: () => socket.destroy() });
  const headers = {
    ...{ host: 'console', 'content-type': 'application/json', 'content-length': 24 * mib },
    ...{
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${'0'.repeat(64)}`,
    },
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // In one write, so that a short body is there with its head.
  socket.write(`POST /github/webhooks HTTP/1.1\r\n${lines.join('')}\r\n${'x'.repeat(sentBytes)}`);
  const answer = new Promise<string>((resolve) => {
    let text = '';
    const end = () => resolve(text);
    socket.on('data', (chunk) => void (text += String(chunk)));
    socket.once('end', end).once('error', end).once('close', end);
  });
  return { socket, answer };
}

it('answers a body that stops on its way with 408, ends its connection, and has its room again', async () => {
  const api = await startWith({ limits: { webhookMs: 50, webhookBytesAtOnce: 1_000 } });
  // Each takes more than half of the room, so the second would be refused if the first still held any.
  for (const which of ['the first', 'the second']) {
    const answer = await stall(api, 600).answer;
    expect(answer, which).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain('urn:wherry:problem:request.too_slow');
    expect(answer.toLowerCase()).toContain('connection: close');
  }
});

it('takes what GitHub sends while others fill all the room that large bodies have', async () => {
  const api = await startWith({ limits: { webhookMs: 600_000, webhookBytesAtOnce: 8 * mib } });
  // Two of them would fill the room; large ones have three quarters of it, which is room for one.
  const hogs = Array.from({ length: 4 }, () => stall(api, 4_000_000));
  let refused = 0;
  for (const { answer } of hogs) void answer.then(() => (refused += 1));
  await expect.poll(() => refused, { timeout: 30_000 }).toBe(3);
  const push = { fill: 'x'.repeat(400_000) };
  expect((await deliver(api, push, { secret })).status).toBe(202);
  expect(refused).toBe(3);
});
