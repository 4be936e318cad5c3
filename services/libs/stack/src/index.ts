export * from './detect-function';
export * from './duration';
export * from './parse-stack';
export * from './planned-function';
export * from './quantity';
export * from './stack-error';
export * from './substitute';
