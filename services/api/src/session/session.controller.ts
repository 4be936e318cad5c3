import { Controller, Inject, Req, Res } from '@nestjs/common';
import { type Actor, GithubLoginStore } from '@wherry/db';
import type { Request, Response } from 'express';
import type { ApiSettings } from '../config';
import { readCookie, sessionCookie, sessionCookieHeader } from '../http/cookies';
import { Input, Operation, Session, SignedInActor, type InputOf, type OutputOf } from '../http/operation';
import { SETTINGS } from '../system';
import { BeginSession } from './begin-session';
import { CreateLoginLink } from './create-login-link';
import { DescribeSession, type SessionCaller } from './describe-session';
import { EndSession } from './end-session';
import { githubLoginPath } from './github-login';

@Controller()
export class SessionController {
  constructor(
    @Inject(BeginSession) private readonly begin: BeginSession,
    @Inject(DescribeSession) private readonly describe: DescribeSession,
    @Inject(EndSession) private readonly end: EndSession,
    @Inject(CreateLoginLink) private readonly link: CreateLoginLink,
    @Inject(GithubLoginStore) private readonly github: GithubLoginStore,
    @Inject(SETTINGS) private readonly settings: ApiSettings,
  ) {}

  @Operation('createSessionFromLink')
  async createSessionFromLink(
    @Input() { body }: InputOf<'createSessionFromLink'>,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<OutputOf<'createSessionFromLink'>> {
    const former = readCookie(request.headers.cookie, sessionCookie(this.settings));
    const { value, caller } = await this.begin.execute(body.link, former);
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

  @Operation('endSessions')
  async endSessions(
    @SignedInActor() actor: Actor,
    @Session() caller: SessionCaller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    await this.end.everywhere(actor, caller);
    response.setHeader('set-cookie', sessionCookieHeader('', 0, this.settings));
  }

  @Operation('getLoginMethods')
  async getLoginMethods(): Promise<OutputOf<'getLoginMethods'>> {
    if ((await this.github.app()) === null) return { github: null };
    return { github: { loginUrl: githubLoginPath, name: new URL(this.settings.githubUrl).host } };
  }

  @Operation('createLoginLink')
  createLoginLink(
    @SignedInActor() actor: Actor,
    @Session() caller: SessionCaller,
    @Input() { body }: InputOf<'createLoginLink'>,
  ): Promise<OutputOf<'createLoginLink'>> {
    return this.link.execute(actor, body.userId ?? caller.userId);
  }
}
