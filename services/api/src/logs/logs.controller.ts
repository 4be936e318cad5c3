import { Controller, Headers, Inject, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { EventStreams } from '../http/event-streams';
import { Access, Input, Operation, type InputOf, type OutputOf } from '../http/operation';
import type { TenantAccess } from '../http/request-context';
import { BuildLogs } from './build-logs';
import { FunctionLogs } from './function-logs';

@Controller()
export class LogsController {
  constructor(
    @Inject(FunctionLogs) private readonly functions: FunctionLogs,
    @Inject(BuildLogs) private readonly builds: BuildLogs,
    @Inject(EventStreams) private readonly streams: EventStreams,
  ) {}

  @Operation('listFunctionLogs')
  listFunctionLogs(
    @Access() { tenant }: TenantAccess,
    @Input() { params, query }: InputOf<'listFunctionLogs'>,
  ): Promise<OutputOf<'listFunctionLogs'>> {
    return this.functions.search(tenant, params.function, query);
  }

  @Operation('tailFunctionLogs')
  async tailFunctionLogs(
    @Access() { tenant }: TenantAccess,
    @Input() { params, query }: InputOf<'tailFunctionLogs'>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await this.streams.send(
      request,
      response,
      await this.functions.follow(tenant, params.function, query, lastEventId),
    );
  }

  @Operation('listBuildLog')
  listBuildLog(
    @Access() { tenant }: TenantAccess,
    @Input() { params, query }: InputOf<'listBuildLog'>,
  ): Promise<OutputOf<'listBuildLog'>> {
    return this.builds.read(tenant, params.deployment, query);
  }

  @Operation('tailBuildLog')
  async tailBuildLog(
    @Access() { tenant }: TenantAccess,
    @Input() { params, query }: InputOf<'tailBuildLog'>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await this.streams.send(request, response, await this.builds.follow(tenant, params.deployment, query, lastEventId));
  }
}
