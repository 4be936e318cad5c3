export * from './adapters/detect';
export * from './sandbox';
export { refusedRanges } from './launch-script';
