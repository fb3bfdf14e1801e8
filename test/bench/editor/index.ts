// Runs inside the extension host of a real editor: how long the extension takes to be activated. `run` is called by the
// host's test runner; one extension host gives one time.
import * as vscode from 'vscode';

/** Waits until the host has done its own start. */
const restMillis = 3_000;

export async function run(): Promise<void> {
  const extension = vscode.extensions.getExtension('procnetmon.procnetmon');
  if (extension === undefined) throw new Error('The extension is not there.');
  await new Promise((resolve) => setTimeout(resolve, restMillis));
  if (extension.isActive) throw new Error('The extension is active before it is needed.');
  const began = performance.now();
  await extension.activate();
  console.log(`activation-millis ${String(performance.now() - began)}`);
}
