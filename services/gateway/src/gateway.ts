import type { AddressInfo } from 'node:net';
import { channels } from '@wherry/contract';
import { ActivityStore, type Database, GatewayStore, Listener, ReceiptStore, RoutingStore } from '@wherry/db';
import type { Log } from '@wherry/logging';
import { ErrorTally } from './error-tally';
import { ActivityTracker } from './metering/activity-tracker';
import { Journal, type JournalBacklog } from './metering/adapters/journal';
import type { CallMeter } from './metering/call-meter';
import { shipSegments } from './metering/ship-segments';
import { Throttle } from './metering/throttle';
import { PooledUpstream } from './proxy/adapters/upstream';
import { Dispatcher } from './proxy/dispatcher';
import { RequestHandler } from './proxy/handle-request';
import type { Clock, Limits, Platform } from './proxy/platform';
import { RouteFollower } from './routing/follow-routes';
import { GatewayServer } from './server';

export type GatewayOptions = Readonly<{
  gatewayId: string;
  host: string;
  port: number;
  appsDomain: string;
  journalDirectory: string;
  probeKey: string;
  databaseUrl: string;
  limits: Limits;
}>;

export type GatewayPorts = Readonly<{
  database: Database;
  clock: Clock;
  log: Log;
  meter: CallMeter;
  newCallId: () => string;
  /** For the journal: see `JournalOptions`. */
  epoch: string;
}>;

/** `inFlight` and `parked` are calls: sent to a replica, and waiting for one. */
export type GatewayState = Readonly<{
  inFlight: number;
  parked: number;
  routesVersion: bigint;
  backlog: JournalBacklog;
}>;

const beatMs = 3_000;
const resyncMs = 60_000;
/** Segments are closed, and receipts written to the disk, this often. */
const shipMs = 1_000;
const activityMs = 2_000;
const errorLogMs = 5_000;
/** About a thousand receipts: shipping them shares the thread with calls, and must not hold these up for long. */
const maxSegmentBytes = 262_144;

/** The data plane as one thing that starts and stops. */
export class Gateway {
  private readonly tally: ErrorTally;
  private readonly dispatcher: Dispatcher;
  private readonly follower: RouteFollower;
  private readonly listener: Listener;
  private readonly server: GatewayServer;
  private readonly activity: ActivityTracker;
  private readonly activityReport: Throttle;
  private readonly shipping: Throttle;
  private readonly gateways: GatewayStore;
  private readonly activities: ActivityStore;
  private readonly timers: NodeJS.Timeout[] = [];

  private constructor(
    private readonly options: GatewayOptions,
    private readonly ports: GatewayPorts,
    private readonly journal: Journal,
    tally: ErrorTally,
  ) {
    const { database, clock } = ports;
    this.tally = tally;
    this.gateways = new GatewayStore(database);
    this.activities = new ActivityStore(database);
    this.activityReport = new Throttle(activityMs, () => this.reportActivity(), this.failed('activity.save'));
    this.activity = new ActivityTracker(clock.nowMs, this.activityReport.request);
    this.shipping = new Throttle(shipMs, () => this.ship(), this.failed('segment.ship'));
    const platform = this.platform();
    const dispatcher = new Dispatcher(platform);
    this.dispatcher = dispatcher;
    this.follower = this.newFollower(dispatcher);
    this.listener = new Listener({
      url: options.databaseUrl,
      channels: [channels.routing, channels.tenant],
      onReady: () => this.follower.readAll(),
      onNotification: (channel, payload) =>
        channel === channels.tenant ? this.follower.readAll() : this.follower.onNotification(payload),
      onError: this.failed('routes.listen'),
    });
    this.server = new GatewayServer(new RequestHandler(platform, dispatcher, { ...options, ...ports }));
  }

  /** Returns when it serves. @throws when the database, the journal or the port cannot be had. */
  static async start(
    options: GatewayOptions,
    ports: GatewayPorts,
  ): Promise<{ gateway: Gateway; address: AddressInfo }> {
    const tally = new ErrorTally(ports.log);
    const journal = await Journal.open({
      directory: options.journalDirectory,
      epoch: ports.epoch,
      maxSegmentBytes,
      onError: (error) => tally.add('receipt.write', error),
    });
    const gateway = new Gateway(options, ports, journal, tally);
    return { gateway, address: await gateway.begin() };
  }

  /** Null while it can take calls, else what keeps it from that. Without the database it serves what it knows. */
  whyNotReady(): string | null {
    return this.journal.isWritable ? null : 'The journal cannot be written: make room on its disk.';
  }

  /** What an operator watches. */
  async state(): Promise<GatewayState> {
    return { ...this.dispatcher.counts(), routesVersion: this.follower.version, backlog: await this.journal.backlog() };
  }

  /** Finishes what is in flight, at most `graceMs` long, ships the receipts, and lets go of everything but the database. */
  async stop(graceMs: number): Promise<void> {
    await this.server.drain(graceMs);
    for (const timer of this.timers) clearInterval(timer);
    await this.listener.stop();
    await this.follower.stop();
    await Promise.all([this.activityReport.stop(), this.shipping.stop()]);
    await this.journal.stop();
    await this.reportActivity().catch(this.failed('activity.save'));
    await shipSegments({ files: this.journal, store: new ReceiptStore(this.ports.database), tally: this.tally.add });
    await this.gateways.remove(this.options.gatewayId).catch(this.failed('gateway.remove'));
    await this.journal.release();
    this.tally.flush();
  }

  private async begin(): Promise<AddressInfo> {
    const { gatewayId, host, port } = this.options;
    await this.activities.clearInFlight(gatewayId);
    await this.listener.start();
    await this.follower.whenRead;
    const address = await this.server.listen(host, port);
    await this.gateways.register(gatewayId, this.follower.version);
    this.every(beatMs, () => void this.beat().catch(this.failed('gateway.beat')));
    this.every(resyncMs, () => this.follower.readAll());
    this.every(errorLogMs, () => this.tally.flush());
    this.every(shipMs, () => {
      this.journal.rotate();
      this.shipping.request();
    });
    this.shipping.request();
    return address;
  }

  private platform(): Platform {
    const { database, clock, meter } = this.ports;
    return {
      clock,
      meter,
      limits: this.options.limits,
      receipts: this.journal,
      activity: this.activity,
      openUpstream: (replica) => new PooledUpstream(replica),
      wake: (tenantId, revisionId) => {
        database.notify(channels.wake, `${tenantId}/${revisionId}`).catch(this.failed('revision.wake'));
      },
      tally: this.tally.add,
    };
  }

  private newFollower(dispatcher: Dispatcher): RouteFollower {
    const { database } = this.ports;
    const { gatewayId } = this.options;
    const routing = new RoutingStore(database);
    return new RouteFollower({
      source: {
        readAll: () => routing.readAll(),
        readNamed: (names) => routing.readNamed(names),
        acknowledge: (version) => this.gateways.acknowledge(gatewayId, version),
        notify: (payload) => database.notify(channels.routing, payload),
      },
      gatewayId,
      apply: (table) => dispatcher.apply(table),
      tally: this.tally.add,
    });
  }

  private async beat(): Promise<void> {
    const { gatewayId } = this.options;
    const newest = await this.gateways.beat(gatewayId);
    if (newest === null) await this.gateways.register(gatewayId, this.follower.version);
    else this.follower.seen(newest);
  }

  private async reportActivity(): Promise<void> {
    await this.activity.flush((activity) => this.activities.save(this.options.gatewayId, activity));
  }

  private async ship(): Promise<void> {
    const store = new ReceiptStore(this.ports.database);
    await shipSegments({ files: this.journal, store, tally: this.tally.add });
  }

  private failed(op: string): (error: unknown) => void {
    return (error) => this.tally.add(op, error);
  }

  private every(ms: number, work: () => void): void {
    this.timers.push(setInterval(work, ms));
  }
}
