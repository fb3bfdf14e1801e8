// Contributes the debug types `debugpy` and `lldb-dap` on top of the distribution's adapters, for tests and
// for the demo editor, where the official extensions cannot be downloaded.
'use strict';
const vscode = require('vscode');
const { findDebugpy, findLldb } = require('./find-adapters');

function executable({ command, arguments: programArguments }) {
  return new vscode.DebugAdapterExecutable(command, programArguments);
}

const debugpy = {
  async createDebugAdapterDescriptor({ configuration }) {
    const { connect } = configuration;
    // A subprocess: its debugpy listens already, an adapter of its own is not started.
    if (connect !== undefined) return new vscode.DebugAdapterServer(connect.port, connect.host);
    return executable(await findDebugpy());
  },
};

const lldb = {
  async createDebugAdapterDescriptor() {
    return executable(await findLldb());
  },
};

/** debugpy asks its client to open a session for each child process of the program. */
function followSubprocesses({ event, session, body }) {
  if (event !== 'debugpyAttach' || session.type !== 'debugpy') return;
  void vscode.debug.startDebugging(session.workspaceFolder, body, {
    parentSession: session,
    lifecycleManagedByParent: true,
  });
}

function activate(context) {
  context.subscriptions.push(
    vscode.debug.registerDebugAdapterDescriptorFactory('debugpy', debugpy),
    vscode.debug.registerDebugAdapterDescriptorFactory('lldb-dap', lldb),
    vscode.debug.onDidReceiveDebugSessionCustomEvent(followSubprocesses),
  );
}

module.exports = { activate };
