import { Controller, Inject, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { ApiSettings } from '../config';
import { sessionCookieHeader } from '../http/cookies';
import { Input, Operation, Session, type InputOf, type OutputOf } from '../http/operation';
import { SETTINGS } from '../system';
import { BeginSession } from './begin-session';
import { CreateLoginLink } from './create-login-link';
import { DescribeSession, type SessionCaller } from './describe-session';
import { EndSession } from './end-session';

@Controller()
export class SessionController {
  constructor(
    @Inject(BeginSession) private readonly begin: BeginSession,
    @Inject(DescribeSession) private readonly describe: DescribeSession,
    @Inject(EndSession) private readonly end: EndSession,
    @Inject(CreateLoginLink) private readonly link: CreateLoginLink,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  @Operation('createSessionFromLink')
  async createSessionFromLink(
    @Input() { body }: InputOf<'createSessionFromLink'>,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutputOf<'createSessionFromLink'>> {
    const { value, caller } = await this.begin.execute(body.link);
    response.setHeader('set-cookie', sessionCookieHeader(value, this.settings.limits.sessionMs, this.settings));
    return this.describe.execute(caller);
  }

  @Operation('getSession')
  getSession(@Session() caller: SessionCaller): Promise<OutputOf<'getSession'>> {
    return this.describe.execute(caller);
  }

  @Operation('endSession')
  async endSession(@Session() caller: SessionCaller, @Res({ passthrough: true }) response: Response): Promise<void> {
    await this.end.execute(caller);
    response.setHeader('set-cookie', sessionCookieHeader('', 0, this.settings));
  }

  @Operation('createLoginLink')
  createLoginLink(
    @Session() caller: SessionCaller,
    @Input() { body }: InputOf<'createLoginLink'>,
  ): Promise<OutputOf<'createLoginLink'>> {
    return this.link.execute(body.userId ?? caller.userId);
  }
}
