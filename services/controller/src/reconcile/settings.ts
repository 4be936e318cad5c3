/** How often the controller looks, and how long it waits. */
export type Settings = Readonly<{
  /** How often it is checked whether something below is due. */
  tickMs: number;
  /** Everything is read again this often, whatever was notified. */
  resyncMs: number;
  /** While replicas run or releases are pending, what gateways say is read this often. */
  trafficMs: number;
  /** After this time the engine has reported every replica that exists; rows of others are leftovers. */
  adoptionMs: number;
  /** A gateway is live while it was seen within this time. */
  gatewayLiveMs: number;
  /** How long a drain waits while no gateway is live. */
  noGatewayMs: number;
  scaleDownMs: number;
  /** Time to zero of functions without a setting of their own; null leaves it to their revisions. */
  idleSeconds: number | null;
  releaseDeadlineMs: number;
  crashLimit: number;
}>;

export const defaultSettings: Settings = {
  tickMs: 1_000,
  resyncMs: 60_000,
  trafficMs: 2_000,
  adoptionMs: 3_000,
  gatewayLiveMs: 10_000,
  noGatewayMs: 15_000,
  scaleDownMs: 60_000,
  idleSeconds: null,
  releaseDeadlineMs: 60_000,
  crashLimit: 2,
};
