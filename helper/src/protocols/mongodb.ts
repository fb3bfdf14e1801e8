// MongoDB's wire protocol: every message begins with four little-endian numbers; the client asks first.
import { byteAt, textAt, uint32LittleEndian } from './bytes';
import type { Opening, Verdict } from './opening';

const headerLength = 16;
const Operation = { Reply: 1, Query: 2004, Compressed: 2012, Message: 2013 } as const;
const maximumMessage = 48_000_000;
/** Bits of an OP_MSG that are in use. */
const messageFlags = 0x1_0003;

export function probeMongodb({ client, server, clientEnded, serverEnded }: Opening): Verdict {
  const asked = message(client, false);
  if (asked === 'yes') return { application: 'mongodb', certainty: 'certain' };
  if (asked === 'more' && !clientEnded) return 'more';
  const answered = message(server, true);
  if (answered === 'yes') return { application: 'mongodb', certainty: 'certain' };
  return answered === 'more' && !serverEnded ? 'more' : undefined;
}

function message(bytes: Uint8Array, isAnswer: boolean): 'yes' | 'no' | 'more' {
  if (bytes.length === 0) return 'no';
  const length = uint32LittleEndian(bytes, 0);
  if (length < 0) return 'more';
  if (length < headerLength + 5 || length > maximumMessage) return 'no';
  const answers = uint32LittleEndian(bytes, 8);
  if (answers >= 0 && (answers === 0) === isAnswer) return 'no';
  const operation = uint32LittleEndian(bytes, 12);
  if (operation < 0) return 'more';
  const first = uint32LittleEndian(bytes, headerLength);
  if (operation === Operation.Message) return operationMessage(bytes, length, first);
  if (operation === Operation.Query && !isAnswer) {
    // The name of a collection; drivers only ask for commands of a database.
    const name = bytes.indexOf(0, headerLength + 4);
    if (name < 0) return bytes.length < 160 ? 'more' : 'no';
    return name > headerLength + 9 && textAt(bytes, name - 5, '.$cmd') === 'yes' ? 'yes' : 'no';
  }
  if (operation === Operation.Compressed) {
    const compressor = byteAt(bytes, headerLength + 8);
    if (compressor < 0) return 'more';
    return first === Operation.Message && compressor <= 3 ? 'yes' : 'no';
  }
  // Flags, then a cursor; the number of documents follows at 32.
  if (operation !== Operation.Reply || !isAnswer) return 'no';
  const documents = uint32LittleEndian(bytes, 32);
  if (documents < 0) return 'more';
  return first <= 15 && documents <= 1_000 ? 'yes' : 'no';
}

function operationMessage(bytes: Uint8Array, length: number, flags: number): 'yes' | 'no' | 'more' {
  if (flags < 0) return 'more';
  if ((flags & ~messageFlags) !== 0) return 'no';
  const kind = byteAt(bytes, headerLength + 4);
  const section = uint32LittleEndian(bytes, headerLength + 5);
  if (section < 0) return kind > 1 ? 'no' : 'more';
  return kind <= 1 && section >= 5 && section <= length - headerLength - 5 ? 'yes' : 'no';
}
