import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { PacketReader, flush, packet } from './pkt-line';
import { readPushHead } from './read-push-head';
import { parseCommands, refusalReply, zeroSha } from './receive-pack';

const a = 'a'.repeat(40);
const b = 'b'.repeat(40);
const first = packet(`${zeroSha} ${a} refs/heads/main\0 report-status side-band-64k push-options agent=git/2\n`);
const second = packet(`${a} ${b} refs/heads/next`);

/** The texts of each band of a reply, in order. */
function bands(reply: Buffer): Record<number, string> {
  const reader = new PacketReader();
  reader.push(reply);
  const seen: Record<number, string> = {};
  for (let next = reader.next(); next !== null && next.kind === 'data'; next = reader.next()) {
    const band = next.payload[0] ?? 0;
    seen[band] = (seen[band] ?? '') + next.payload.toString('utf8', 1);
  }
  return seen;
}

describe('readPushHead', () => {
  it('reads commands and capabilities and leaves options and pack to be passed on, byte by byte', async () => {
    const options = Buffer.concat([packet('ci.skip'), flush]);
    const pack = Buffer.from('PACK\0\0\0\u0002 any bytes');
    const all = Buffer.concat([first, second, flush, options, pack]);
    const stream = Readable.from(
      Array.from(all, (byte) => Buffer.of(byte)),
      { objectMode: false },
    );
    const head = await readPushHead(stream);
    expect(head.updates).toEqual([
      { ref: 'refs/heads/main', oldSha: zeroSha, newSha: a },
      { ref: 'refs/heads/next', oldSha: a, newSha: b },
    ]);
    expect(head.capabilities.has('push-options')).toBe(true);
    const rest = Buffer.concat([head.consumed, ...(await stream.toArray())]);
    expect(rest.equals(all)).toBe(true);
  });

  it('takes a lone flush for a probe', async () => {
    const head = await readPushHead(Readable.from([flush]));
    expect(head.updates).toEqual([]);
  });

  it.each([
    ['ends early', [first], 'ended before'],
    ['is no packet', [Buffer.from('hello git')], 'length'],
    ['is malformed', [packet('delete everything'), flush], 'malformed'],
    ['is signed', [packet('push-cert\0report-status'), flush], 'without --signed'],
    ['has long object names', [packet(`${'0'.repeat(64)} ${'a'.repeat(64)} refs/heads/main`), flush], 'SHA-1'],
    ['says sha256', [packet(`${a} ${b} refs/heads/main\0object-format=sha256`), flush], 'SHA-1'],
  ])('refuses a head that %s', async (_, chunks, words) => {
    await expect(readPushHead(Readable.from(chunks))).rejects.toThrow(words);
  });

  it('refuses a head that never ends, before it takes all memory', async () => {
    const stream = new PassThrough();
    const line = packet(`${a} ${b} refs/heads/${'x'.repeat(900)}`);
    for (let count = 0; count < 600; count += 1) stream.write(line);
    await expect(readPushHead(stream)).rejects.toThrow('in parts');
  });
});

describe('refusalReply', () => {
  const refusal = { reasons: new Map([['refs/heads/main', 'no']]), explanation: ['Because.'] };

  it('reports in the first band and explains in the second', () => {
    const head = parseCommands([first.subarray(4)]);
    expect(bands(refusalReply(head, refusal))).toEqual({
      1: `000eunpack ok\n0018ng refs/heads/main no\n0000`.replace(
        '0018',
        packet('ng refs/heads/main no\n').toString('utf8', 0, 4),
      ),
      2: 'Because.\n',
    });
  });

  it('reports without bands to a client that has none', () => {
    const head = parseCommands([Buffer.from(`${zeroSha} ${a} refs/heads/main\0report-status`)]);
    expect(refusalReply(head, refusal).toString()).toMatch(/^000eunpack ok\n[0-9a-f]{4}ng refs\/heads\/main no\n0000$/);
  });

  it('keeps a report of many refs in frames that a client can read', () => {
    const head = parseCommands([first.subarray(4)]);
    const reasons = new Map(Array.from({ length: 3_000 }, (_, index) => [`refs/heads/branch-${index}`, 'no']));
    const report = bands(refusalReply(head, { reasons, explanation: [] }))[1] ?? '';
    expect(report.match(/ng refs/g)).toHaveLength(3_000);
    expect(report.endsWith('0000')).toBe(true);
  });
});
