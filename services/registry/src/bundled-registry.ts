import type { Log } from '@wherry/logging';
import { Collector } from './collect/collector';
import { ImageFolder } from './collect/adapters/image-folder';
import { LastCollected } from './collect/adapters/last-collected';
import { runGarbageCollect } from './collect/adapters/run-garbage-collect';
import { RegistryChild } from './adapters/registry-child';
import { type RunFolder, writePrivateFile } from './adapters/run-folder';
import { registryConfig } from './registry-config';
import { RegistryFront } from './registry-front';
import type { OwnRegistry } from './token-server';
import type { Listening, Tls } from './web-server';
import { WriteGate } from './write-gate';

export type BundledRegistryOptions = Readonly<{
  folder: RunFolder;
  dataDir: string;
  binary: string;
  host: string;
  port: number;
  realm: string;
  service: string;
  tokenIssuer: string;
  /** PEM: whose tokens the registry accepts. */
  certificatePem: string;
  /** Random. */
  uploadSecret: string;
  tls: Tls | null;
  collectEveryMs: number;
  pauseMs: number;
  /** So long a push waits for the end of a collection before it is refused. */
  patienceMs: number;
}>;

/** The registry as a child, the port before it and the collection of what is unused. */
export class BundledRegistry {
  private constructor(
    private readonly child: RegistryChild,
    private readonly front: Listening,
    private readonly collector: Collector,
    readonly asSeenByTokens: OwnRegistry,
  ) {}

  static async start(options: BundledRegistryOptions, log: Log, nowMs: () => number): Promise<BundledRegistry> {
    const { folder, binary } = options;
    const { configFile, socketFile } = folder;
    await writePrivateFile(folder.certificateFile, options.certificatePem);
    const config = { ...folder, ...options, secret: options.uploadSecret };
    await writePrivateFile(configFile, registryConfig(config));
    const gate = new WriteGate(nowMs, options.patienceMs);
    const collector = new Collector(
      { everyMs: options.collectEveryMs, pauseMs: options.pauseMs },
      {
        ...{ gate, log, nowMs, images: new ImageFolder(folder.imagesDir) },
        lastCollected: new LastCollected(options.dataDir),
        collectBlobs: (signal) => runGarbageCollect(binary, configFile, signal),
      },
    );
    const child = await RegistryChild.start({ binary, configFile, socketFile, log });
    try {
      const { host, port, tls } = options;
      const front = await RegistryFront.start({ host, port, socketFile, tls }, { gate, log });
      await collector.start();
      return new BundledRegistry(child, front, collector, {
        gate,
        askCollection: () => collector.ask(),
        collection: () => collector.state,
        isRunning: () => child.isRunning,
      });
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  get port(): number {
    return this.front.address.port;
  }

  /** The registry's own process, while it lives. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Finishes what is being answered, then ends the registry. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.front.server.close(resolve));
    await this.collector.stop();
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 5_000))]);
    await this.child.stop();
  }
}
