import type { PushProgress } from '@wherry/db';
import { describe, expect, it } from 'vitest';
import { Bell } from './bell';
import { FollowDeployment } from './follow-deployment';
import { ProgressLines } from './progress-lines';

const commitSha = 'a'.repeat(40);
const push = { repositoryId: 'rep_1', ref: 'refs/heads/main', commitSha, since: new Date(0) };
const nothing: PushProgress = {
  deployment: null,
  functions: [],
  logs: { lines: [], cursor: 0n, isMore: false },
  currentSha: commitSha,
};
const times = { limitMs: 900, quietMs: 1, planMs: 100 };

/** Follows what `read` gives, on a clock that goes on by 50 ms with each reading. */
async function follow(
  read: (turn: number) => PushProgress,
  signals: { gone?: AbortSignal; stopping?: AbortSignal } = {},
) {
  const told: string[] = [];
  let turn = 0;
  let lives = 0;
  const never = new AbortController().signal;
  const source = { read: async () => read(turn++) };
  const sut = new FollowDeployment(source, new Bell(), () => turn * 50, { write: () => undefined }, times);
  const lines = new ProgressLines({
    consoleUrl: 'http://c',
    appsUrl: 'http://t.localhost:8080',
    commitSha,
    branch: 'main',
  });
  const terminal = {
    say: async (line: string) => void told.push(line),
    keepAlive: async () => void (lives += 1),
  };
  await sut.follow('ten_1', push, lines, terminal, {
    gone: signals.gone ?? never,
    stopping: signals.stopping ?? never,
  });
  return { told, turns: turn, lives };
}

describe('FollowDeployment', () => {
  it('ends after its time with the place to look at, and says once what it waits for', async () => {
    const { told } = await follow(() => nothing);
    expect(told).toEqual([
      'Stored. Waiting for the platform to plan the deployment.',
      'The deployment goes on without this terminal: http://c/deployments',
    ]);
  });

  it('goes on when the database fails in between', async () => {
    const { told } = await follow((turn) => {
      if (turn < 2) throw new Error('The connection is lost.');
      return { ...nothing, currentSha: 'b' };
    });
    expect(told).toEqual(['Superseded by a newer push to this branch.']);
  });

  it('says nothing more to a client that left', async () => {
    expect(await follow(() => nothing, { gone: AbortSignal.abort() })).toEqual({ told: [], turns: 0, lives: 0 });
  });

  it('reads all that is left of a long log before it ends', async () => {
    const page = (turn: number): PushProgress => ({
      ...nothing,
      deployment: { id: 'dep_1', commitSha, status: 'live', reason: null, notes: [], createdAt: new Date(0) },
      logs: { lines: [[1, 'stdout', '', `line ${turn}`]], cursor: BigInt(turn), isMore: turn < 3 },
    });
    const { told } = await follow(page);
    expect(told.slice(1)).toEqual(['  line 0', '  line 1', '  line 2', '  line 3', expect.stringMatching(/^Live:/)]);
  });
});

describe('Bell', () => {
  it('keeps a ring that came between reading and waiting', async () => {
    const bell = new Bell();
    const heard = bell.listen('ten_1');
    bell.ring('ten_1', 'dep_1', false);
    await heard.wait(2 ** 30, new AbortController().signal);
  });

  it("rings for one's own deployment only, once that is known, and never for another tenant's", async () => {
    const bell = new Bell();
    const heard = bell.listen('ten_1');
    const hasRung = async () => {
      let isOver = false;
      const over = new AbortController();
      const waiting = heard.wait(2 ** 30, over.signal).then(() => (isOver = true));
      await Promise.resolve().then(() => undefined);
      const result = isOver;
      over.abort();
      await waiting;
      return result;
    };
    bell.ring('ten_2', 'dep_1', false);
    bell.ring('ten_1', 'dep_1', true);
    expect(await hasRung()).toBe(false);
    heard.narrowTo('dep_1');
    bell.ring('ten_1', 'dep_2', false);
    expect(await hasRung()).toBe(false);
    bell.ring('ten_1', 'dep_1', true);
    expect(await hasRung()).toBe(true);
  });
});
