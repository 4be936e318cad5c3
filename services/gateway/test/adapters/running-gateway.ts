import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Database } from '@wherry/db';
import { Gateway, type GatewayOptions } from '../../src/gateway';
import { noMeter } from '../../src/metering/call-meter';
import { call, type Reply, type Sent, World } from './world';

const mib = 1_048_576;

/** Small enough for a test to reach each of them. */
export const testLimits = { bodyBytes: mib, ratePerSecond: 10_000, concurrency: 100, parkedCalls: 3, parkMs: 600 };

/** A world, and a gateway `gw1` in this process that serves it. */
export class RunningGateway {
  private gateway: Gateway | null = null;
  port = 0;

  private constructor(
    readonly world: World,
    private readonly database: Database,
  ) {}

  static async create(): Promise<RunningGateway> {
    const world = await World.create();
    const url = world.database.url('wherry_gateway');
    return new RunningGateway(world, await Database.open({ url, applicationName: 'gateway' }));
  }

  async start(changes: Partial<GatewayOptions> = {}): Promise<void> {
    const options: GatewayOptions = {
      gatewayId: 'gw1',
      host: '127.0.0.1',
      port: 0,
      appsDomain: 'localhost',
      journalDirectory: join(this.world.folder, 'journal'),
      probeKey: 'probe key',
      databaseUrl: this.world.database.url('wherry_gateway'),
      limits: testLimits,
      ...changes,
    };
    const { gateway, address } = await Gateway.start(options, {
      database: this.database,
      clock: { nowMs: Date.now, elapsedMs: () => performance.now() },
      log: { write: () => undefined },
      meter: noMeter,
      newCallId: randomUUID,
      epoch: randomUUID().replaceAll('-', ''),
    });
    this.gateway = gateway;
    this.port = address.port;
  }

  call(sent: Sent): Promise<Reply> {
    return call(this.port, sent);
  }

  /** Drains, and ships every receipt. May be called again. */
  async stop(): Promise<void> {
    const { gateway } = this;
    this.gateway = null;
    await gateway?.stop(5_000);
  }

  async close(): Promise<void> {
    await this.stop();
    await this.database.close();
    await this.world.close();
  }

  async receiptsOf(callId: string): Promise<Record<string, string | number | boolean>[]> {
    return (await this.world.owner.query('select * from receipts where call_id = $1', [callId])).rows;
  }
}
