import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { headers, signProbe } from '@wherry/contract';
import { environmentLabel, type EnvironmentAddress } from '@wherry/domain';
import type { Clock } from '../clock';
import type { ProbeAnswer, Prober } from '../proof/prober';

export type GatewayProberOptions = Readonly<{
  gatewayUrl: string;
  appsDomain: string;
  /** Shared with the gateways. */
  key: string;
  clock: Pick<Clock, 'now'>;
  timeoutMs: number;
}>;

/** Probes over HTTP, with the environment's own host name: the way of every caller. */
export class GatewayProber implements Prober {
  constructor(private readonly options: GatewayProberOptions) {}

  probe(environment: EnvironmentAddress, functionName: string, signal: AbortSignal): Promise<ProbeAnswer> {
    const { gatewayUrl, appsDomain, key, clock, timeoutMs } = this.options;
    const host = `${environmentLabel(environment)}.${appsDomain}`;
    const path = `/${functionName}/`;
    const proof = signProbe({ key, sentAtMs: clock.now(), nonce: randomBytes(12).toString('hex'), host, path });
    const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    return new Promise((resolve, reject) => {
      const options = { path, headers: { host, [headers.probe]: proof }, signal: until, agent: false };
      const req = request(gatewayUrl, options, (res) => {
        const revision = res.headers[headers.revision];
        resolve({ status: res.statusCode ?? 0, revisionId: typeof revision === 'string' ? revision : null });
        // Only the head is wanted; a body without end must not hold the connection.
        res.on('error', () => undefined).destroy();
      });
      req.on('error', (cause) => reject(new Error('The gateway does not answer.', { cause })));
      req.end();
    });
  }
}
