export * from './engine';
export { LocalEngine, type LocalEngineOptions } from './local/local-engine';
export type { Clock } from './clock';
