import { Controller, Inject } from '@nestjs/common';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { Deliveries } from './deliveries';

@Controller()
export class DeliveriesController {
  constructor(@Inject(Deliveries) private readonly deliveries: Deliveries) {}

  @Operation('listDeliveries')
  listDeliveries(
    @Access() { tenant }: TenantAccess,
    @Input() { query }: InputOf<'listDeliveries'>,
  ): Promise<OutputOf<'listDeliveries'>> {
    return this.deliveries.list(tenant, query);
  }

  @Operation('getDelivery')
  getDelivery(
    @Access() { tenant }: TenantAccess,
    @Input() { params }: InputOf<'getDelivery'>,
  ): Promise<OutputOf<'getDelivery'>> {
    return this.deliveries.get(tenant, params.delivery);
  }

  @Operation('replayDelivery')
  replayDelivery(
    @Access() { tenant, actor }: TenantAccess,
    @Input() { params }: InputOf<'replayDelivery'>,
  ): Promise<OutputOf<'replayDelivery'>> {
    return this.deliveries.replay(tenant, actor, params.delivery);
  }
}
