// The language-client library, in a bundle of its own beside the extension's: it is several times as large as
// all the rest and is read when the helper is started for the first time, not when the extension is activated.
export { CloseAction, ErrorAction, LanguageClient, ResponseError } from 'vscode-languageclient/node';
export type { DynamicFeature, LanguageClientOptions, StaticFeature } from 'vscode-languageclient/node';
