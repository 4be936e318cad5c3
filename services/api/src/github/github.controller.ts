import { Controller, Inject } from '@nestjs/common';
import { Input, Operation, Session, type InputOf, type OutputOf } from '../http/operation';
import type { Caller } from '../http/request-context';
import { ChangeApp } from './change-app';
import { Deliveries } from './deliveries';
import { DescribeApp } from './describe-app';
import { RegisterApp } from './register-app';

type SessionCaller = Extract<Caller, { kind: 'session' }>;

@Controller()
export class GithubController {
  constructor(
    @Inject(DescribeApp) private readonly describe: DescribeApp,
    @Inject(RegisterApp) private readonly register: RegisterApp,
    @Inject(ChangeApp) private readonly change: ChangeApp,
    @Inject(Deliveries) private readonly deliveries: Deliveries,
  ) {}

  @Operation('getGithubApp')
  getGithubApp(@Session() caller: SessionCaller): Promise<OutputOf<'getGithubApp'>> {
    return this.describe.execute(caller.isOperator);
  }

  @Operation('beginGithubRegistration')
  beginGithubRegistration(
    @Session() caller: SessionCaller,
    @Input() { body }: InputOf<'beginGithubRegistration'>,
  ): Promise<OutputOf<'beginGithubRegistration'>> {
    return this.register.begin(caller, body);
  }

  @Operation('unregisterGithubApp')
  unregisterGithubApp(): Promise<void> {
    return this.change.unregister();
  }

  @Operation('createGithubWebhookSecret')
  createGithubWebhookSecret(): Promise<OutputOf<'createGithubWebhookSecret'>> {
    return this.change.addWebhookSecret();
  }

  @Operation('retireGithubWebhookSecret')
  retireGithubWebhookSecret(@Input() { params }: InputOf<'retireGithubWebhookSecret'>): Promise<void> {
    return this.change.retireWebhookSecret(params.version);
  }

  @Operation('replaceGithubPrivateKey')
  replaceGithubPrivateKey(
    @Input() { body }: InputOf<'replaceGithubPrivateKey'>,
  ): Promise<OutputOf<'replaceGithubPrivateKey'>> {
    return this.change.replacePrivateKey(body.pem);
  }

  @Operation('listUnclaimedDeliveries')
  listUnclaimedDeliveries(
    @Input() { query }: InputOf<'listUnclaimedDeliveries'>,
  ): Promise<OutputOf<'listUnclaimedDeliveries'>> {
    return this.deliveries.listUnclaimed(query);
  }

  @Operation('replayUnclaimedDelivery')
  replayUnclaimedDelivery(
    @Input() { params }: InputOf<'replayUnclaimedDelivery'>,
  ): Promise<OutputOf<'replayUnclaimedDelivery'>> {
    return this.deliveries.replayUnclaimed(params.delivery);
  }
}
