import type { PlannedFunction } from '@wherry/stack';
import type { Handler } from './plan-build';
import type { StepOutput } from './adapters/sandbox-runner';
import type { Template } from './adapters/template-folder';

/** One function that is to be built: `folder` is its handler in the checkout, `work` its own place, which may not exist. */
export type FunctionJob = Readonly<{
  planned: PlannedFunction;
  handler: Handler;
  template: Template;
  folder: string;
  work: string;
  output: StepOutput;
}>;

/** Makes artifacts of functions: folders where the engine runs them itself, images on Kubernetes. */
export interface ArtifactBuilder {
  /** What the artifacts of a language depend on besides their inputs. */
  toolchain(lang: string): Promise<string[]>;
  /** Whether the function's artifact is still there, so that it need not be built again. */
  has(functionName: string, artifactDigest: string): Promise<boolean>;
  /** @returns the artifact's digest, `sha256:<hex>`. @throws BuildFailure; what the build's signal was aborted with. */
  build(job: FunctionJob): Promise<string>;
}
