export * from './build';
export * from './channels';
export * from './invocation';
export * from './local-state';
export * from './repository-settings';
