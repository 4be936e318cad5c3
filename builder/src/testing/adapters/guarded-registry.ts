import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { issueCredential, type Grant } from '@wherry/registry';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the registry and its token service as the platform runs them
import { RegistryFixture, service } from '../../../../services/registry/src/testing/adapters/registry-fixture';

/** A real registry that asks who one is, at an address that pods reach. */
export class GuardedRegistry {
  private constructor(
    private readonly fixture: RegistryFixture,
    private readonly address: string,
    private readonly forward: Server,
    private readonly sockets: ReadonlySet<Socket>,
  ) {}

  static async open(address: string): Promise<GuardedRegistry> {
    const fixture = await RegistryFixture.start();
    const { hostname, port } = new URL(fixture.registryUrl);
    const sockets = new Set<Socket>();
    const forward = createServer((client) => {
      const registry = connect(Number(port), hostname);
      client.pipe(registry).pipe(client);
      for (const socket of [client, registry]) socket.on('error', () => [client, registry].forEach((s) => s.destroy()));
      sockets.add(client).add(registry);
    });
    await new Promise<void>((resolve) => forward.listen(0, address, resolve));
    return new GuardedRegistry(fixture, address, forward, sockets);
  }

  get port(): number {
    return (this.forward.address() as AddressInfo).port;
  }

  /** What a builder is told of it, with a credential for the paths below `path`. */
  async order(path: string, actions: Grant['actions'] = ['pull', 'push']) {
    const grants = [{ below: path, actions }];
    const now = Date.now() / 1_000;
    const order = { issuer: 'worker', service, grants, lifetimeSeconds: 3_600 } as const;
    return {
      ...{ host: `${this.address}:${this.port}`, plainHttp: true, service, tokenUrl: this.fixture.tokenUrl },
      ...{ images: path, cache: `${path}/build.cache` },
      credential: await issueCredential(order, this.fixture.worker.privateKey, now),
    };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.forward.close();
    await this.fixture.stop();
  }
}
