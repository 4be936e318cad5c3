import { Inject, Injectable } from '@nestjs/common';
import { AccessStore, type MemberRole, PlatformCheckStore, type TenantRow } from '@wherry/db';
import type { ApiSettings } from '../config';
import type { OutputOf } from '../http/operation';
import type { Caller } from '../http/request-context';
import { SETTINGS } from '../system';
import { gitUrl } from '../urls';

export type SessionCaller = Extract<Caller, { kind: 'session' }>;

/** Who is signed in, where they belong, and on which platform. */
@Injectable()
export class DescribeSession {
  constructor(
    @Inject(AccessStore) private readonly store: AccessStore,
    @Inject(PlatformCheckStore) private readonly checks: PlatformCheckStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  async execute(caller: SessionCaller): Promise<OutputOf<'getSession'>> {
    const { consoleUrl, gatewayUrl, appsDomain, sandbox, engine } = this.settings;
    const notices = caller.isOperator ? await this.notices() : [];
    return {
      user: { id: caller.userId, name: caller.userName, isOperator: caller.isOperator },
      tenants: await this.tenants(caller),
      platform: { consoleUrl, gatewayUrl, appsDomain, gitUrl: gitUrl(this.settings), sandbox, engine, notices },
      expiresAt: caller.expiresAt.toISOString(),
    };
  }

  /** What the controller found wrong with the platform: nothing that is not looked at, as on one machine. */
  private async notices(): Promise<string[]> {
    const found = await Promise.all(['network-policies', 'dns'].map((name) => this.checks.read(name)));
    return found.flatMap((check) => (check === null || check.isOk ? [] : [check.detail.slice(0, 2_000)]));
  }

  async tenants(caller: SessionCaller): Promise<OutputOf<'listTenants'>['tenants']> {
    return (await this.store.tenantsOf(caller.userId)).map((row) => tenantView(row, row.role));
  }
}

export function tenantView(
  { id, slug, name, createdAt }: TenantRow,
  role: MemberRole,
): OutputOf<'createTenant'>['tenant'] {
  return { id, slug, name, role, createdAt: createdAt.toISOString() };
}
