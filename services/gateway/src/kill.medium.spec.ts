import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleGateway, GatewayProcess } from '../test/adapters/gateway-process';
import { call, until, World } from '../test/adapters/world';

let world: World;
let bundle: Awaited<ReturnType<typeof bundleGateway>>;

beforeAll(async () => {
  [world, bundle] = await Promise.all([World.create(), bundleGateway()]);
});
afterAll(async () => {
  await world.close();
  await bundle.remove();
});

/** Calls one after the other until told to end, and keeps the ids of those whose reply came whole. */
class LoadClient {
  readonly completed: string[] = [];
  private isOver = false;
  private readonly done: Promise<void>;

  constructor(name: string, port: () => number, paths: readonly string[]) {
    this.done = this.run(name, port, paths);
  }

  async end(): Promise<void> {
    this.isOver = true;
    await this.done;
  }

  private async run(name: string, port: () => number, paths: readonly string[]): Promise<void> {
    for (let count = 0; !this.isOver; count += 1) {
      const callId = `${name}-${count}`;
      const path = paths[count % paths.length] as string;
      try {
        const reply = await call(port(), { host: 'acme.localhost', path, headers: { 'x-call-id': callId } });
        // Anybody may listen on the port of a gateway that was killed.
        if (reply.headers['x-call-id'] === callId) this.completed.push(callId);
      } catch {
        // Cut off or refused by a kill; the caller knows that this call did not complete.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }
}

it('has exactly one receipt for every reply that a caller saw whole, through kills under load', async () => {
  await world.live('acme', 'work', (req, res) => {
    if (req.url === '/empty') res.writeHead(204).end();
    else if (req.url === '/chunked') {
      res.write('some ');
      setImmediate(() => res.end('more'));
    } else res.writeHead(200, { 'content-length': 5 }).end('whole');
  });
  let gateway = await GatewayProcess.start(bundle.file, world);
  const paths = ['/work', '/work/chunked', '/work/empty'];
  const clients = ['a', 'b', 'c', 'd'].map((name) => new LoadClient(name, () => gateway.port, paths));
  const completed = (): number => clients.reduce((sum, client) => sum + client.completed.length, 0);
  const kills = 4;
  for (let kill = 0; kill < kills; kill += 1) {
    const before = completed();
    const atLeast = randomInt(20, 200);
    await until('calls complete', () => completed() - before > atLeast);
    await gateway.kill('SIGKILL');
    gateway = await GatewayProcess.start(bundle.file, world);
  }
  const before = completed();
  await until('calls complete after the last kill', () => completed() - before > 20);
  await Promise.all(clients.map((client) => client.end()));
  await gateway.kill('SIGTERM');

  const { rows } = await world.owner.query<{ call_id: string; count: number }>(
    'select call_id, count(*)::integer as count from receipts group by call_id',
  );
  const counts = new Map(rows.map((row) => [row.call_id, row.count]));
  const seen = clients.flatMap((client) => client.completed);
  expect(seen.filter((callId) => counts.get(callId) !== 1)).toEqual([]);
  // Beyond them: replies that were on their way when the process was killed, at most one for each client and kill.
  expect(rows.length - seen.length).toBeLessThanOrEqual(kills * clients.length);
  const usage = await world.owner.query('select sum(invocations)::integer as billed from usage_hourly');
  const billed = await world.owner.query('select count(*)::integer as billed from receipts where billed');
  expect(usage.rows).toEqual(billed.rows);
});

it('lets no second gateway write in the same journal, and says so', async () => {
  const gateway = await GatewayProcess.start(bundle.file, world);
  await expect(GatewayProcess.start(bundle.file, world)).rejects.toThrow('WHERRY_JOURNAL_DIR');
  await gateway.kill('SIGTERM');
});
