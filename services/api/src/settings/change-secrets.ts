import { Inject, Injectable } from '@nestjs/common';
import { type Actor, ConsoleSecretStore, type ConsoleSecretRow, type TenantRow } from '@wherry/db';
import { DomainError } from '@wherry/problem';
import { seal } from '@wherry/sealing';
import type { ApiSettings } from '../config';
import type { InputOf, OutputOf } from '../http/operation';
import { FindEnvironment } from '../previews/find-environment';
import { SETTINGS, SYSTEM, type System } from '../system';

/** Writes secrets, which nobody here can read again: each value is sealed to the controller before it is stored. */
@Injectable()
export class ChangeSecrets {
  constructor(
    @Inject(FindEnvironment) private readonly environments: FindEnvironment,
    @Inject(ConsoleSecretStore) private readonly store: ConsoleSecretStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(SYSTEM) private readonly system: System,
  ) {}

  /** @throws DomainError `environment.not_found` */
  async list(tenant: TenantRow, environmentName: string): Promise<OutputOf<'listSecrets'>> {
    const { id } = await this.environments.execute(tenant, environmentName);
    return { secrets: (await this.store.list(tenant.id, id)).map(view) };
  }

  /**
   * @throws DomainError `secret.sandbox_required` when functions run unsandboxed; `platform.unavailable` as long as the
   * controller has not published a key; `environment.not_found`.
   */
  async put(
    tenant: TenantRow,
    actor: Actor,
    { params, query, body }: InputOf<'putSecret'>,
  ): Promise<OutputOf<'putSecret'>> {
    if (this.settings.sandbox === 'none') {
      throw new DomainError(
        'secret.sandbox_required',
        'Without a sandbox a secret could be read by every process here. Install bubblewrap ' +
          '(`apt-get install bubblewrap`), start again, and set it then.',
      );
    }
    const name = params.secret;
    const environment = await this.environments.execute(tenant, query.environment);
    const bytes = Buffer.from(body.value, 'utf8');
    const now = this.system.now();
    const row = await this.store.put(
      tenant.id,
      actor,
      { environment, name },
      now,
      ({ environmentId, version, publicKey }) =>
        seal(publicKey, { tenantId: tenant.id, environmentId, name, version, value: bytes }),
    );
    bytes.fill(0);
    if (row !== null) return view(row);
    throw new DomainError('platform.unavailable', 'The controller is not ready to take secrets yet. Try again.');
  }

  /** @throws DomainError `secret.not_found`, `environment.not_found` */
  async delete(tenant: TenantRow, actor: Actor, { params, query }: InputOf<'deleteSecret'>): Promise<void> {
    const name = params.secret;
    const environment = await this.environments.execute(tenant, query.environment);
    if (await this.store.delete(tenant.id, actor, { environment, name })) return;
    throw new DomainError('secret.not_found', `There is no secret "${name}".`);
  }
}

function view({ name, version, createdAt, updatedAt }: ConsoleSecretRow): OutputOf<'putSecret'> {
  return { name, version, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}
