import { describe, expect, it } from 'vitest';
import { ClusterError } from './cluster-client';
import { Mirror, type Kept, type MirrorSource } from './mirror';

type Thing = Kept & { readonly text: string };
const thing = (uid: string, version: number, text = ''): Thing => ({
  metadata: { uid, resourceVersion: String(version) },
  text,
});
const event = (type: string, object: Thing) => ({ type, object });

/** What the server answers, one list or watch after the other; when nothing is left, the test ends. */
type Step = { list: Thing[]; version: number } | { watch: (ReturnType<typeof event> | Error)[] } | { fails: Error };

async function follow(steps: Step[]) {
  const ended = new AbortController();
  const asked: string[] = [];
  const told: string[] = [];
  const waits: number[] = [];
  const next = <Kind extends string>(kind: Kind) => {
    const step = steps.shift();
    if (!step) ended.abort();
    if (step && 'fails' in step) throw step.fails;
    if (!step || !(kind in step)) throw new Error('The end.');
    return step as Extract<Step, Record<Kind, unknown>>;
  };
  const source: MirrorSource<Thing> = {
    async list() {
      asked.push('list');
      const { list, version } = next('list');
      return { items: list, version: String(version) };
    },
    async *watch(version) {
      asked.push(`watch ${version}`);
      for (const each of next('watch').watch) {
        if (each instanceof Error) throw each;
        yield each;
      }
    },
  };
  const mirror = new Mirror(source, {
    onChange: ({ type, object }) => told.push(`${type} ${object.metadata.uid}${object.text}`),
    backoffMs: (failures) => {
      waits.push(failures);
      return 0;
    },
  });
  await mirror.run(ended.signal);
  return { asked, told, waits, kept: mirror.items.map((each) => each.metadata.uid) };
}

describe('a mirror', () => {
  it('goes on where a watch ended, and tells nothing twice', async () => {
    const { asked, told, kept } = await follow([
      { list: [thing('a', 1)], version: 5 },
      { watch: [event('ADDED', thing('b', 6)), event('MODIFIED', thing('b', 6))] },
      { watch: [event('MODIFIED', thing('b', 7, '!')), event('BOOKMARK', thing('', 9))] },
    ]);
    expect(asked).toEqual(['list', 'watch 5', 'watch 6', 'watch 9']);
    expect(told).toEqual(['ADDED a', 'ADDED b', 'MODIFIED b!']);
    expect(kept).toEqual(['a', 'b']);
  });

  it('goes on where a connection broke, after a wait that grows until something is told again', async () => {
    const { asked, waits } = await follow([
      { list: [], version: 5 },
      { watch: [event('ADDED', thing('a', 6)), new Error('reset')] },
      { fails: new Error('refused') },
      { watch: [event('ADDED', thing('b', 7)), new Error('reset')] },
    ]);
    expect(asked).toEqual(['list', 'watch 5', 'watch 6', 'watch 6', 'watch 7']);
    expect(waits).toEqual([1, 2, 1]);
  });

  it.each([
    ['by an event', { watch: [event('ERROR', { ...thing('', 0), code: 410, message: 'too old' } as Thing)] }],
    ['by its answer', { fails: new ClusterError(410, 'Expired', 'too old') }],
  ])(
    'reads everything again when its version is forgotten, told %s, and tells what went meanwhile',
    async (_, gone) => {
      const { asked, told, kept, waits } = await follow([
        { list: [thing('a', 1), thing('b', 2)], version: 5 },
        gone,
        { list: [thing('b', 2), thing('c', 8)], version: 9 },
      ]);
      expect(asked).toEqual(['list', 'watch 5', 'list', 'watch 9']);
      expect(told).toEqual(['ADDED a', 'ADDED b', 'DELETED a', 'ADDED c']);
      expect(kept).toEqual(['b', 'c']);
      expect(waits).toEqual([]);
    },
  );

  it('tells an object that was made anew under its name as one that went and one that came', async () => {
    const { told } = await follow([
      { list: [thing('a', 1)], version: 5 },
      { watch: [event('DELETED', thing('a', 6)), event('DELETED', thing('a', 6)), event('ADDED', thing('a2', 7))] },
    ]);
    expect(told).toEqual(['ADDED a', 'DELETED a', 'ADDED a2']);
  });
});
