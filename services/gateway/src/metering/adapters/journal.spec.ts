import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Receipt } from '@wherry/db';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSegment } from '../receipt-line';
import { Journal } from './journal';

const receiptOf = (callId: string): Receipt => ({
  ...{ tenantId: 't', callId, functionId: 'f', revisionId: 'r', replicaId: 'p', startedAtMs: 1, durationMs: 1 },
  ...{ memoryMiB: 1, status: 200, outcome: 'complete', responseBytes: 0, billed: true },
});

let directory: string;
let journal: Journal;
let errors: unknown[];
const open = (epoch: string, maxSegmentBytes = 1_000_000): Promise<Journal> =>
  Journal.open({ directory, epoch, maxSegmentBytes, onError: (error) => errors.push(error) });

beforeEach(async () => {
  errors = [];
  directory = mkdtempSync(join(tmpdir(), 'wherry-journal-'));
  journal = await open('e1');
});
afterEach(async () => {
  await journal.stop();
  await journal.release();
  rmSync(directory, { recursive: true, force: true });
});

const shippable = async (): Promise<string[]> => {
  const names = await journal.closed();
  const contents = await Promise.all(names.map((name) => journal.read(name)));
  return contents.flatMap((content) => parseSegment(content).receipts.map((receipt) => receipt.callId));
};

describe('Journal', () => {
  it('has handed a receipt to the kernel when write returns', () => {
    journal.write(receiptOf('a'));
    const [file] = readdirSync(directory);
    expect(parseSegment(readFileSync(join(directory, file as string), 'utf8')).receipts).toHaveLength(1);
  });

  it('offers a segment for shipping only after it was closed', async () => {
    journal.write(receiptOf('a'));
    expect(await shippable()).toEqual([]);
    journal.rotate();
    journal.write(receiptOf('b'));
    expect(await shippable()).toEqual(['a']);
  });

  it('begins no new segment while the one in use is empty', async () => {
    for (let times = 0; times < 5; times += 1) journal.rotate();
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('closes a segment that is full', async () => {
    await journal.stop();
    await journal.release();
    journal = await open('e2', 200);
    for (const callId of ['a', 'b', 'c', 'd', 'e']) journal.write(receiptOf(callId));
    expect((await shippable()).length).toBeGreaterThan(2);
  });

  it('offers what former epochs left, cut or not, and leaves strange files alone', async () => {
    journal.write(receiptOf('a'));
    await journal.stop();
    await journal.release();
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    journal = await open('e2');
    journal.write(receiptOf('b'));
    expect(await shippable()).toEqual(['a']);
    for (const name of await journal.closed()) await journal.remove(name);
    expect(await shippable()).toEqual([]);
    expect(readdirSync(directory)).toContain('notes.txt');
  });

  it('takes no receipt after it was stopped', async () => {
    await journal.stop();
    expect(journal.isWritable).toBe(false);
    expect(() => journal.write(receiptOf('a'))).toThrow('no receipts');
  });

  it('lets only one writer use a folder at a time', async () => {
    await expect(open('e2')).rejects.toThrow('WHERRY_JOURNAL_DIR');
    await journal.stop();
    await journal.release();
    journal = await open('e3');
    expect(journal.isWritable).toBe(true);
  });

  it('takes receipts again once a segment can be begun after a failure', () => {
    rmSync(directory, { recursive: true });
    journal.write(receiptOf('a'));
    journal.rotate();
    expect(journal.isWritable).toBe(false);
    expect(errors).not.toEqual([]);
    expect(() => journal.write(receiptOf('b'))).toThrow('no receipts');
    directory = mkdtempSync(directory.slice(0, -6));
  });
});
