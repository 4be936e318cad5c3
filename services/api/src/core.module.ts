import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  AccessStore,
  ConsoleAuditStore,
  ConsoleDeploymentStore,
  ConsoleEnvironmentStore,
  ConsoleFunctionStore,
  ConsoleLogStore,
  ConsoleMemberStore,
  ConsoleRepositoryStore,
  ConsoleSecretStore,
  ConsoleTenantStore,
  ConsoleTokenStore,
  ConsoleUsageStore,
  ConsoleVariableStore,
  ConsoleGithubAppStore,
  ConsoleGithubDeliveryStore,
  GithubLoginStore,
  PlatformCheckStore,
  SessionStore,
  TenantExportStore,
  type Database,
} from '@wherry/db';
import type { Log } from '@wherry/logging';
import { Queue } from '@wherry/queue';
import type { SealingKeys } from '@wherry/sealing';
import type { ApiSettings } from './config';
import { GatewayClient } from './functions/invoke-function';
import { Authenticate } from './http/authenticate';
import { ChangeFeed } from './http/change-feed';
import { EventStreams } from './http/event-streams';
import { KEYS, LOG, SETTINGS, SYSTEM, type System } from './system';

/** Everything that comes from outside of the api. */
export type ApiParts = Readonly<{
  settings: ApiSettings;
  database: Database;
  /** Those of this process, to open what is sealed to the api. */
  keys: SealingKeys;
  queue: Queue;
  gateway: GatewayClient;
  feed: ChangeFeed;
  log: Log;
  system: System;
}>;

const stores: readonly (new (database: Database) => object)[] = [
  AccessStore,
  ConsoleAuditStore,
  ConsoleDeploymentStore,
  ConsoleEnvironmentStore,
  ConsoleFunctionStore,
  ConsoleLogStore,
  ConsoleMemberStore,
  ConsoleRepositoryStore,
  ConsoleSecretStore,
  ConsoleTenantStore,
  ConsoleTokenStore,
  ConsoleUsageStore,
  ConsoleVariableStore,
  ConsoleGithubAppStore,
  ConsoleGithubDeliveryStore,
  GithubLoginStore,
  PlatformCheckStore,
  SessionStore,
  TenantExportStore,
];

/** What every feature may use. */
@Module({})
export class CoreModule {
  static of({ settings, database, keys, queue, gateway, feed, log, system }: ApiParts): DynamicModule {
    const outside: Provider[] = [
      { provide: SETTINGS, useValue: settings },
      { provide: KEYS, useValue: keys },
      { provide: Queue, useValue: queue },
      { provide: GatewayClient, useValue: gateway },
      { provide: ChangeFeed, useValue: feed },
      { provide: LOG, useValue: log },
      { provide: SYSTEM, useValue: system },
    ];
    const made: Provider[] = stores.map((Store) => ({ provide: Store as Type, useValue: new Store(database) }));
    const providers = [...outside, ...made, Authenticate, EventStreams, Reflector];
    return { module: CoreModule, global: true, providers, exports: providers };
  }
}
