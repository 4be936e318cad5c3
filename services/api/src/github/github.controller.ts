import { Controller, Inject } from '@nestjs/common';
import type { Actor } from '@wherry/db';
import { Input, Operation, Session, SignedInActor, type InputOf, type OutputOf } from '../http/operation';
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
  unregisterGithubApp(@SignedInActor() actor: Actor): Promise<void> {
    return this.change.unregister(actor);
  }

  @Operation('createGithubWebhookSecret')
  createGithubWebhookSecret(@SignedInActor() actor: Actor): Promise<OutputOf<'createGithubWebhookSecret'>> {
    return this.change.addWebhookSecret(actor);
  }

  @Operation('retireGithubWebhookSecret')
  retireGithubWebhookSecret(
    @SignedInActor() actor: Actor,
    @Input() { params }: InputOf<'retireGithubWebhookSecret'>,
  ): Promise<void> {
    return this.change.retireWebhookSecret(actor, params.version);
  }

  @Operation('replaceGithubPrivateKey')
  replaceGithubPrivateKey(
    @SignedInActor() actor: Actor,
    @Input() { body }: InputOf<'replaceGithubPrivateKey'>,
  ): Promise<OutputOf<'replaceGithubPrivateKey'>> {
    return this.change.replacePrivateKey(actor, body.pem);
  }

  @Operation('listUnclaimedDeliveries')
  listUnclaimedDeliveries(
    @Input() { query }: InputOf<'listUnclaimedDeliveries'>,
  ): Promise<OutputOf<'listUnclaimedDeliveries'>> {
    return this.deliveries.listUnclaimed(query);
  }

  @Operation('replayUnclaimedDelivery')
  replayUnclaimedDelivery(
    @SignedInActor() actor: Actor,
    @Input() { params }: InputOf<'replayUnclaimedDelivery'>,
  ): Promise<OutputOf<'replayUnclaimedDelivery'>> {
    return this.deliveries.replayUnclaimed(actor, params.delivery);
  }
}
