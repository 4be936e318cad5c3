import { Controller, Inject } from '@nestjs/common';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { FindFunctions } from './find-functions';
import { InvokeFunction } from './invoke-function';

@Controller()
export class FunctionsController {
  constructor(
    @Inject(FindFunctions) private readonly find: FindFunctions,
    @Inject(InvokeFunction) private readonly invoke: InvokeFunction,
  ) {}

  @Operation('listFunctions')
  listFunctions(
    @Access() { tenant }: TenantAccess,
    @Input() { query }: InputOf<'listFunctions'>,
  ): Promise<OutputOf<'listFunctions'>> {
    return this.find.list(tenant, query.environment);
  }

  @Operation('getFunction')
  getFunction(
    @Access() { tenant }: TenantAccess,
    @Input() { params, query }: InputOf<'getFunction'>,
  ): Promise<OutputOf<'getFunction'>> {
    return this.find.get(tenant, { ...query, name: params.function });
  }

  @Operation('listRevisions')
  listRevisions(
    @Access() { tenant }: TenantAccess,
    @Input() { params, query }: InputOf<'listRevisions'>,
  ): Promise<OutputOf<'listRevisions'>> {
    return this.find.revisions(tenant, params.function, query);
  }

  @Operation('invokeFunction')
  invokeFunction(
    @Access() { tenant }: TenantAccess,
    @Input() { params, query, body }: InputOf<'invokeFunction'>,
  ): Promise<OutputOf<'invokeFunction'>> {
    return this.invoke.execute(tenant, { ...query, name: params.function }, body);
  }
}
