import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { head, TestPlatform } from './testing/platform';

let platform: TestPlatform;

beforeEach(async () => {
  platform = await TestPlatform.create();
});
afterEach(() => platform.close());

const ref = 'refs/heads/main';
const soon = { timeout: 20_000, interval: 10 };

async function untilStatus(repositoryId: string, commit: string, status: string) {
  return vi.waitFor(async () => {
    const row = await platform.deployment(repositoryId, commit);
    expect(row).toMatchObject({ status });
    return row;
  }, soon);
}

/** Plans a commit whose builder succeeds at once with one function of that name and content. */
async function pushed(repositoryId: string, commit: string, name: string): Promise<unknown> {
  platform.keeper.onStart = (builder) => {
    builder.emit(...platform.succeed({ name, content: builder.order.source.commitSha.slice(0, 4) }));
    builder.exit(0);
  };
  platform.heads.set(repositoryId, head(commit, commit));
  await platform.plan(repositoryId, ref);
  return (await untilStatus(repositoryId, commit, 'releasing')).id;
}

async function live(repositoryId: string, commit: string, name: string): Promise<unknown> {
  const id = await pushed(repositoryId, commit, name);
  await platform.route(id);
  await untilStatus(repositoryId, commit, 'live');
  return id;
}

describe('truth', () => {
  it('does not call a deployment live whose routes were not switched, and keeps the former one live', async () => {
    await platform.repository('r');
    await platform.worker();
    const former = await live('r', 'a', 'hello');
    const id = await pushed('r', 'b', 'hello');
    await platform.route(id, { keepRoutes: true });
    const failed = await untilStatus('r', 'b', 'failed');
    expect(failed.reason).toMatch(
      /The gateway did not serve the new code within .* "hello" answered 200 as the revision rev_/,
    );
    expect(await platform.deployment('r', 'a')).toMatchObject({ id: former, status: 'live' });
    expect(await platform.sql('select status from releases where deployment_id = $1', [id])).toEqual([
      { status: 'failed' },
    ]);
  });

  it('asks for the former deployment again when the routes name one that could not be proved', async () => {
    await platform.repository('r');
    await platform.worker();
    const former = await live('r', 'a', 'hello');
    platform.probe = async () => ({ status: 503, revisionId: null });
    await platform.route(await pushed('r', 'b', 'hello'));
    await untilStatus('r', 'b', 'failed');
    const [restore] = await platform.sql(`select deployment_id, kind from releases where status = 'pending'`);
    expect(restore).toEqual({ deployment_id: former, kind: 'rollback' });
  });

  it('waits for every live gateway, and for none that is dead', async () => {
    await platform.repository('r');
    await platform.sql(`insert into gateways (id, last_seen_at) values ('dead', now() - interval '1 minute')`);
    let probes = 0;
    const answer = platform.probe;
    platform.probe = (...request) => {
      probes += 1;
      return answer(...request);
    };
    await platform.worker();
    const id = await pushed('r', 'a', 'hello');
    await platform.sql(`insert into gateways (id, last_seen_at) values ('late', now() + interval '1 hour')`);
    await platform.route(id, { behind: ['late'] });
    const failed = await untilStatus('r', 'a', 'failed');
    expect(failed.reason).toContain('1 of 2 gateways did not take over the new routes');
    expect(probes).toBe(0);
    await platform.sql(`delete from gateways where id = 'late'`);
    await live('r', 'b', 'hello');
    expect(probes).toBeGreaterThan(0);
  });

  it('proves a rollback: the older deployment is live again and the newer retired', async () => {
    await platform.repository('r');
    await platform.worker();
    const older = await live('r', 'a', 'hello');
    const newer = await live('r', 'b', 'hello');
    await platform.sql(
      `insert into releases (tenant_id, id, deployment_id, environment_id, repository_id, root_dir, kind, status)
       values ('ten_a', 'rel_back', $1, 'env_a', 'r', '.', 'rollback', 'pending')`,
      [older],
    );
    await platform.route(older);
    await untilStatus('r', 'a', 'live');
    expect((await platform.deployment('r', 'b')).status).toBe('retired');
    expect(newer).not.toBe(older);
  });

  it('leaves a rolled-back-to deployment retired when the rollback cannot be proved', async () => {
    await platform.repository('r');
    await platform.worker();
    const older = await live('r', 'a', 'hello');
    await live('r', 'b', 'hello');
    await platform.sql(
      `insert into releases (tenant_id, id, deployment_id, environment_id, repository_id, root_dir, kind, status)
       values ('ten_a', 'rel_back', $1, 'env_a', 'r', '.', 'rollback', 'pending')`,
      [older],
    );
    await platform.route(older, { keepRoutes: true });
    await vi.waitFor(async () => {
      expect(await platform.sql(`select status from releases where id = 'rel_back'`)).toEqual([{ status: 'failed' }]);
    }, soon);
    expect((await platform.deployment('r', 'a')).status).toBe('retired');
    expect((await platform.deployment('r', 'b')).status).toBe('live');
  });

  it('gives up a release whose routes a later one moved', async () => {
    await platform.repository('r');
    await platform.worker();
    const first = await pushed('r', 'a', 'hello');
    const second = await pushed('r', 'b', 'hello');
    await platform.stopWorkers();
    await platform.route(first);
    await platform.route(second);
    await platform.worker();
    await untilStatus('r', 'b', 'live');
    expect(await untilStatus('r', 'a', 'superseded')).toMatchObject({ superseded_by: second });
  });
});

describe('a worker that ends', () => {
  it('lets its builder go on, and the next one continues where it stopped', async () => {
    await platform.repository('r');
    await platform.worker();
    platform.heads.set('r', head('a', 'a'));
    await platform.plan('r', ref);
    const builder = await vi.waitFor(() => {
      const [found] = [...platform.keeper.builders.values()].flat();
      if (!found) throw new Error('no builder');
      return found;
    }, soon);
    builder.emit(log('one'));
    await vi.waitFor(async () => expect(await platform.buildLog('r')).toEqual(['one']), soon);
    await platform.stopWorkers();
    builder.emit(log('two'), ...platform.succeed({ name: 'hello', content: 'c' }));
    await platform.worker();
    await untilStatus('r', 'a', 'releasing');
    expect(await platform.buildLog('r')).toEqual(['one', 'two', 'Planned.']);
    expect([...platform.keeper.builders.values()].flat()).toHaveLength(1);
  });

  it('builds again without counting it against the build when the keeper ended too', async () => {
    await platform.repository('r');
    await platform.worker();
    platform.heads.set('r', head('a', 'a'));
    await platform.plan('r', ref);
    await vi.waitFor(() => expect([...platform.keeper.builders.values()].flat()).toHaveLength(1), soon);
    await untilStatus('r', 'a', 'building');
    await platform.stopWorkers();
    platform.keeper.forgetAll();
    platform.keeper.onStart = (builder) => builder.emit(...platform.succeed({ name: 'hello', content: 'c' }));
    await platform.worker();
    expect(await untilStatus('r', 'a', 'releasing')).toMatchObject({ attempt: 0 });
  });

  it('plans a head that no job ever told of', async () => {
    await platform.repository('r');
    platform.heads.set('r', head('a', 'a'));
    await platform.sql(
      `insert into repository_refs (tenant_id, repository_id, ref, commit_sha) values ('ten_a', 'r', $1, $2)`,
      [ref, head('a', 'a').commitSha],
    );
    await platform.worker();
    await untilStatus('r', 'a', 'building');
  });
});

describe('a worker killed at any of its transactions', () => {
  const log3 = ['one', 'two', 'three'];

  /** Runs one push to live; the worker dies at its n-th transaction. Returns whether it came that far. */
  async function pushKilledAt(n: number, when: 'before' | 'after', repositoryId: string): Promise<boolean> {
    await platform.repository(repositoryId);
    platform.keeper.onStart = (builder) => {
      builder.emit(...log3.map(log), ...platform.succeed({ name: repositoryId, content: repositoryId }));
      builder.exit(0);
    };
    platform.heads.set(repositoryId, head('a', repositoryId));
    await platform.sql(
      `insert into repository_refs (tenant_id, repository_id, ref, commit_sha) values ('ten_a', $1, $2, $3)`,
      [repositoryId, ref, head('a', 'a').commitSha],
    );
    const killer = new Killer(n, when);
    await platform.worker((work) => killer.run(work));
    await Promise.race([killer.killed, untilStatus(repositoryId, 'a', 'releasing')]);
    await platform.stopWorkers();
    await platform.worker();
    const { id } = await untilStatus(repositoryId, 'a', 'releasing');
    await platform.route(id);
    await untilStatus(repositoryId, 'a', 'live');
    await platform.stopWorkers();
    return killer.isDead;
  }

  it.each(['before', 'after'] as const)(
    'ends the same when it dies %s any commit: nothing lost, nothing twice',
    async (when) => {
      let n = 1;
      for (let isReached = true; isReached; n += 1) {
        const repositoryId = `k${n}`;
        isReached = await pushKilledAt(n, when, repositoryId);
        expect(await platform.buildLog(repositoryId), `killed ${when} transaction ${n}`).toEqual([...log3, 'Planned.']);
        const [counts] = await platform.sql(
          `select (select count(*)::integer from deployments where repository_id = $1) as deployments,
           (select count(*)::integer from functions where repository_id = $1) as functions,
           (select count(*)::integer from releases where repository_id = $1) as releases,
           (select count(*)::integer from revisions v join functions f on f.id = v.function_id
              where f.repository_id = $1) as revisions`,
          [repositoryId],
        );
        expect(counts, `killed ${when} transaction ${n}`).toEqual({
          deployments: 1,
          functions: 1,
          releases: 1,
          revisions: 1,
        });
      }
      expect(n).toBeGreaterThan(6);
    },
    // Some forty workers, each started and ended twice.
    300_000,
  );
});

function log(text: string) {
  return { type: 'log', at: 1_800_000_000_000, function: null, stream: 'stdout', text } as const;
}

/** Ends a worker's way to the database at its n-th transaction, before it begins or after it was committed. */
class Killer {
  isDead = false;
  readonly killed: Promise<void>;
  private tell: () => void = () => undefined;

  constructor(
    private left: number,
    private readonly when: 'before' | 'after',
  ) {
    this.killed = new Promise((resolve) => (this.tell = resolve));
  }

  async run(work: () => Promise<unknown>): Promise<unknown> {
    if (this.isDead) throw new Error('killed');
    this.left -= 1;
    if (this.left !== 0) return work();
    this.isDead = true;
    if (this.when === 'after') await work();
    this.tell();
    throw new Error('killed');
  }
}
