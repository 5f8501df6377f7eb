// Starts `saltgate lsp` and connects it to the editor; everything else is the server's.
'use strict';

const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');

let client;

async function activate(context) {
  const start = async () => {
    const command = vscode.workspace.getConfiguration('saltgate').get('path', 'saltgate');
    const server = { command, args: ['lsp'] };
    client = new LanguageClient('saltgate', 'Saltgate', server, { documentSelector: [{ language: 'nacl' }] });
    try {
      await client.start();
    } catch (error) {
      vscode.window.showErrorMessage(`Cannot run \`${command} lsp\`: ${error.message}. Is "saltgate.path" right?`);
    }
  };
  context.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration(async (change) => {
      if (change.affectsConfiguration('saltgate.path')) {
        await deactivate();
        await start();
      }
    }),
  );
  await start();
}

async function deactivate() {
  if (client?.isRunning()) {
    await client.stop();
  }
}

module.exports = { activate, deactivate };
