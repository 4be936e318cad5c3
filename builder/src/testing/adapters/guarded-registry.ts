import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { issueCredential, type Grant } from '@wherry/registry';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the registry and its token service as the platform runs them
import { OwnRegistry, ownLogin } from '../../../../services/registry/src/testing/adapters/own-registry';
// eslint-disable-next-line @nx/enforce-module-boundaries -- the registry and its token service as the platform runs them
import { RegistryFixture, service } from '../../../../services/registry/src/testing/adapters/registry-fixture';

/** A registry on loopback, at an address that pods reach. */
class Reachable {
  private constructor(
    private readonly address: string,
    private readonly forward: Server,
    private readonly sockets: ReadonlySet<Socket>,
  ) {}

  static async open(registryUrl: string, address: string): Promise<Reachable> {
    const { hostname, port } = new URL(registryUrl);
    const sockets = new Set<Socket>();
    const forward = createServer((client) => {
      const registry = connect(Number(port), hostname);
      client.pipe(registry).pipe(client);
      for (const socket of [client, registry]) socket.on('error', () => [client, registry].forEach((s) => s.destroy()));
      sockets.add(client).add(registry);
    });
    await new Promise<void>((resolve) => forward.listen(0, address, resolve));
    return new Reachable(address, forward, sockets);
  }

  get port(): number {
    return (this.forward.address() as AddressInfo).port;
  }

  get host(): string {
    return `${this.address}:${this.port}`;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.forward.close();
  }
}

/** The chart's registry: a real one whose token service asks who one is. */
export class GuardedRegistry {
  private constructor(
    private readonly fixture: RegistryFixture,
    private readonly reachable: Reachable,
  ) {}

  static async open(address: string): Promise<GuardedRegistry> {
    const fixture = await RegistryFixture.start();
    return new GuardedRegistry(fixture, await Reachable.open(fixture.registryUrl, address));
  }

  get port(): number {
    return this.reachable.port;
  }

  /** What a builder is told of it, with a credential for the paths below `path`. */
  async order(path: string, actions: Grant['actions'] = ['pull', 'push']) {
    const grants = [{ below: path, actions }];
    const now = Date.now() / 1_000;
    const order = { issuer: 'worker', service, grants, lifetimeSeconds: 3_600 } as const;
    return {
      ...{ host: this.reachable.host, plainHttp: true, service, tokenUrl: this.fixture.tokenUrl },
      ...{ images: path, cache: `${path}/build.cache` },
      credential: await issueCredential(order, this.fixture.worker.privateKey, now),
    };
  }

  /** What the newest cache of a function is, for builds that read it there; null when there is none. */
  digestOfCache(cache: string, functionName: string): Promise<string | null> {
    return this.fixture.digestOf(`${cache}/${functionName}`, 'latest');
  }

  async close(): Promise<void> {
    this.reachable.close();
    await this.fixture.stop();
  }
}

/** A registry of the operator's own: one login for everything, and no token service. */
export class LoginRegistry {
  private constructor(
    private readonly own: OwnRegistry,
    private readonly reachable: Reachable,
  ) {}

  static async open(address: string): Promise<LoginRegistry> {
    const own = await OwnRegistry.start();
    return new LoginRegistry(own, await Reachable.open(own.registryUrl, address));
  }

  get port(): number {
    return this.reachable.port;
  }

  order(path: string, password: string = ownLogin.password) {
    return {
      ...{ host: this.reachable.host, plainHttp: true, service, images: path, cache: `${path}/build.cache` },
      ...{ user: ownLogin.user, credential: password },
    };
  }

  async close(): Promise<void> {
    this.reachable.close();
    await this.own.stop();
  }
}
