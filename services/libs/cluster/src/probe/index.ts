export { noNames, type ProbeOutcome } from './judge-probe';
export type { ProbeSettings } from './render-probe';
export { probeFailure, runProbe } from './run-probe';
