import { Controller, Inject } from '@nestjs/common';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { ReportUsage } from './report-usage';

@Controller()
export class UsageController {
  constructor(@Inject(ReportUsage) private readonly report: ReportUsage) {}

  @Operation('getUsage')
  getUsage(@Access() { tenant }: TenantAccess, @Input() { query }: InputOf<'getUsage'>): Promise<OutputOf<'getUsage'>> {
    return this.report.ofTenant(tenant, query);
  }

  @Operation('getFunctionUsage')
  getFunctionUsage(
    @Access() { tenant }: TenantAccess,
    @Input() { params, query }: InputOf<'getFunctionUsage'>,
  ): Promise<OutputOf<'getFunctionUsage'>> {
    return this.report.ofFunction(tenant, params.function, query);
  }
}
