// What is rarely asked for lies in a bundle of its own beside the extension's. Who needs it imports this file with
// `import()`: the bundler turns that into a call of `require` at that moment, with a path that holds for both.
export * from './on-demand';
