/** A path of its own, `@wherry/engine/kubernetes`: a process without a cluster does not load the client of one. */
export { KubernetesEngine, type KubernetesEngineOptions } from './kubernetes-engine';
export type { RenderSettings } from './render';
