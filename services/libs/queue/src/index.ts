export * from './install-queues';
export type { JobName, Jobs } from './jobs';
export * from './queue';
export * from './setup-database';
