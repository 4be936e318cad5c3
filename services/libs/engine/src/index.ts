export * from './engine';
export { LocalEngine, type LocalEngineOptions } from './local/local-engine';
export type { Clock } from './local/clock';
export { KubernetesEngine, type KubernetesEngineOptions } from './kubernetes/kubernetes-engine';
export type { RenderSettings } from './kubernetes/render';
