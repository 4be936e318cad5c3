export * from './build';
export * from './channels';
export * from './invocation';
export * from './local-state';
export * from './preview-password';
export * from './repository-settings';
