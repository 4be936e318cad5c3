export * from './checks';
export * from './health';
export * from './metrics';
export * from './observe-log';
