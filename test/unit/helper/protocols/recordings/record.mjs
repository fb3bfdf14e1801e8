// Records the first bytes of real conversations between real programs: a proxy between them writes down what passes.
//   node record.mjs [NAME...]      without names, everything whose programs are installed
// README.md says what has to be installed, and what the format is. Everything runs on loopback, in a temporary folder.
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { recordings as brokers } from './record/brokers.mjs';
import { recordings as databases } from './record/databases.mjs';
import { recordings as debuggers } from './record/debuggers.mjs';
import { temporary } from './record/files.mjs';
import { recordings as http } from './record/http.mjs';
import { recordings as namesAndTime } from './record/names-and-time.mjs';
import { recordings as peers } from './record/peers.mjs';
import { recordings as quic } from './record/quic.mjs';
import { recordings as shellsMailAndFiles } from './record/shells-mail-and-files.mjs';
import { recordings as tls } from './record/tls.mjs';

const recordings = {
  ...{ ...http, ...tls, ...quic, ...databases, ...brokers },
  ...{ ...shellsMailAndFiles, ...namesAndTime, ...peers, ...debuggers },
};

const names = process.argv.slice(2);
for (const [name, record] of Object.entries(recordings)) {
  if (names.length > 0 && !names.includes(name)) continue;
  try {
    const { text } = await record();
    if (!/^[<>]/m.test(text)) throw new Error('nothing passed');
    await writeFile(path.join(import.meta.dirname, `${name}.txt`), text);
    console.log(`${name}: ${text.length} characters`);
  } catch (error) {
    console.error(`${name}: not recorded: ${error.message.split('\n')[0]}`);
  }
}
await rm(temporary, { recursive: true, force: true });
process.exit();
