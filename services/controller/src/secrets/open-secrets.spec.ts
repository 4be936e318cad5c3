import type { SnapshotSecret } from '@wherry/db';
import { type KeyPair, newKeyPair, seal } from '@wherry/sealing';
import { beforeAll, describe, expect, it } from 'vitest';
import { revision } from '../testing/worlds';
import { SecretOpener } from './open-secrets';

let pair: KeyPair;
beforeAll(async () => {
  pair = await newKeyPair();
});
async function row(name: string, version: number, value: string, environmentId = 'env_a'): Promise<SnapshotSecret> {
  const place = { tenantId: 'ten_a', environmentId, name, version };
  return { ...place, ...(await seal(pair.publicKey, { ...place, value: Buffer.from(value) })) };
}
const one = [revision('rev_1', { secrets: ['b', 'a'] })];
const opened = async (opener: SecretOpener, rows: SnapshotSecret[]) => (await opener.open(one, rows)).get('rev_1');

describe('SecretOpener', () => {
  it('gives a revision exactly the secrets that it names', async () => {
    const rows = [await row('a', 1, 'first'), await row('b', 1, 'second'), await row('c', 1, 'third')];
    const result = await opened(new SecretOpener([pair], true), rows);
    const text = result?.ok ? [...result.values].map(([name, value]) => [name, Buffer.from(value).toString()]) : result;
    expect(text).toEqual([
      ['a', 'first'],
      ['b', 'second'],
    ]);
  });

  it('has the same version for the same rows in another process, and another one after any change', async () => {
    const rows = [await row('a', 1, 'first'), await row('b', 1, 'second')];
    const version = async (changed: SnapshotSecret[]) => {
      const result = await opened(new SecretOpener([pair], true), changed);
      return result?.ok ? result.version : result?.reason;
    };
    expect(await version(rows)).toBe(await version([...rows].reverse()));
    // Removed and made again: the version number is the same, the value is not.
    expect(await version([await row('a', 1, 'other'), rows[1]!])).not.toBe(await version(rows));
  });

  it('does not take changed bytes for those that it has opened before', async () => {
    const opener = new SecretOpener([pair], true);
    const rows = [await row('a', 1, 'first'), await row('b', 1, 'second')];
    expect(await opened(opener, rows)).toMatchObject({ ok: true });
    expect(await opened(opener, [{ ...rows[0]!, sealed: rows[1]!.sealed }, rows[1]!])).toMatchObject({ ok: false });
  });

  it('gives no secret to anything without a sandbox, and lets functions without secrets be', async () => {
    const opener = new SecretOpener([pair], false);
    const rows = [await row('a', 1, 'first'), await row('b', 1, 'second')];
    expect(await opened(opener, rows)).toMatchObject({ reason: expect.stringContaining('Install bubblewrap') });
    const plain = await opener.open([revision('rev_2')], rows);
    expect(plain.get('rev_2')).toEqual({ ok: true, values: new Map(), version: '' });
  });

  it('gives untrusted code none of the secrets that it names, and lets it run without them', async () => {
    const rows = [await row('a', 1, 'first'), await row('b', 1, 'second')];
    const outsider = { ...one[0]!, trust: 'untrusted' as const, fallbackEnvironmentId: 'env_a' };
    const result = await new SecretOpener([pair], true).open([outsider], rows);
    expect(result.get('rev_1')).toEqual({ ok: true, values: new Map(), version: '' });
  });

  it('gives a preview its own value before that of production, and that of production only where it may', async () => {
    const rows = [await row('a', 1, 'preview'), await row('b', 1, 'production', 'env_production')];
    rows.push(await row('a', 1, 'production', 'env_production'));
    const textOf = async (fallbackEnvironmentId: string | null) => {
      const result = (await new SecretOpener([pair], true).open([{ ...one[0]!, fallbackEnvironmentId }], rows)).get(
        'rev_1',
      );
      return result?.ok ? [...result.values.values()].map((value) => Buffer.from(value).toString()) : result?.reason;
    };
    expect(await textOf('env_production')).toEqual(['preview', 'production']);
    expect(await textOf(null)).toContain('needs the secret "b"');
  });
});
