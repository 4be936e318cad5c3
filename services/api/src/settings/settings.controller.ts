import { Controller, Inject } from '@nestjs/common';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { ChangeSecrets } from './change-secrets';
import { ChangeVariables } from './change-variables';
import { ManageTokens } from './manage-tokens';

@Controller()
export class SettingsController {
  constructor(
    @Inject(ChangeSecrets) private readonly secrets: ChangeSecrets,
    @Inject(ChangeVariables) private readonly variables: ChangeVariables,
    @Inject(ManageTokens) private readonly tokens: ManageTokens,
  ) {}

  @Operation('listSecrets')
  listSecrets(
    @Access() { tenant }: TenantAccess,
    @Input() { query }: InputOf<'listSecrets'>,
  ): Promise<OutputOf<'listSecrets'>> {
    return this.secrets.list(tenant, query.environment);
  }

  @Operation('putSecret')
  putSecret(
    @Access() { tenant, actor }: TenantAccess,
    @Input() input: InputOf<'putSecret'>,
  ): Promise<OutputOf<'putSecret'>> {
    return this.secrets.put(tenant, actor, input);
  }

  @Operation('deleteSecret')
  deleteSecret(@Access() { tenant, actor }: TenantAccess, @Input() input: InputOf<'deleteSecret'>): Promise<void> {
    return this.secrets.delete(tenant, actor, input);
  }

  @Operation('listVariables')
  listVariables(
    @Access() { tenant }: TenantAccess,
    @Input() { query }: InputOf<'listVariables'>,
  ): Promise<OutputOf<'listVariables'>> {
    return this.variables.list(tenant, query.environment);
  }

  @Operation('putVariable')
  putVariable(
    @Access() { tenant, actor }: TenantAccess,
    @Input() input: InputOf<'putVariable'>,
  ): Promise<OutputOf<'putVariable'>> {
    return this.variables.put(tenant, actor, input);
  }

  @Operation('deleteVariable')
  deleteVariable(@Access() { tenant, actor }: TenantAccess, @Input() input: InputOf<'deleteVariable'>): Promise<void> {
    return this.variables.delete(tenant, actor, input);
  }

  @Operation('listTokens')
  listTokens(@Access() { tenant }: TenantAccess): Promise<OutputOf<'listTokens'>> {
    return this.tokens.list(tenant);
  }

  @Operation('createToken')
  createToken(
    @Access() access: TenantAccess,
    @Input() { body }: InputOf<'createToken'>,
  ): Promise<OutputOf<'createToken'>> {
    return this.tokens.create(access, body);
  }

  @Operation('revokeToken')
  revokeToken(@Access() { tenant, actor }: TenantAccess, @Input() { params }: InputOf<'revokeToken'>): Promise<void> {
    return this.tokens.revoke(tenant, actor, params.token);
  }
}
