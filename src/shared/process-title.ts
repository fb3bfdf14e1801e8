// What to call a process: the short name the kernel keeps says little where a program renames its threads (Node
// calls its own "MainThread") or runs a script.

/** Programs that run a script, whose name tells more than their own; with a version behind it, too. */
const interpreter =
  /^(node|nodejs|bun|deno|python|pypy|ruby|perl|php|bash|dash|sh|zsh|lua|Rscript|tsx|ts-node)[\d.]*$/;

/** Longest name the kernel keeps. */
const kernelNameLength = 15;

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** File names of scripts, as far as they have an ending. */
const scriptFile = /\.(?:[cm]?[jt]sx?|pyw?|rb|pl|php|lua|sh|R)$/;

/** Options that are followed by a value of their own. */
const optionWithValue = /^(?:-[XWIr]|--require|--import|--loader)$/;
/** Options that are followed by the program itself. */
const inlineProgram = /^(?:-e|-c|-p|--eval|--print)$/;

function wordsOf(command: string): string[] {
  return command.split(' ').filter((word) => word !== '');
}

/** The script that an interpreter's command line names, as it stands there. */
function scriptOf(command: string): string | undefined {
  const words = wordsOf(command);
  const candidates: string[] = [];
  for (let index = 1; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (inlineProgram.test(word)) break;
    if (optionWithValue.test(word)) index += 1;
    else if (!word.startsWith('-') && !word.includes('/debugpy/')) candidates.push(word);
  }
  return candidates.find((word) => scriptFile.test(word)) ?? candidates[0];
}

function programOf({ exe }: { exe: string }): string {
  return baseName(exe).replace(/ \(deleted\)$/, '');
}

/**
 * A title such as `node shop.mjs`, `python3 courier.py` or `echo`. Its parts are as clean as those of the process.
 * @param process what the helper says of it: `name` is the kernel's, `exe` and `command` may be empty
 */
export function processTitle(process: { name: string; exe: string; command: string }): string {
  const program = programOf(process);
  const isRenamed = program !== '' && !program.startsWith(process.name.slice(0, kernelNameLength));
  const runsScript = interpreter.test(program);
  const script = runsScript ? baseName(scriptOf(process.command) ?? '') : '';
  if (script !== '') {
    return `${program} ${script}`;
  }
  // A program that names itself on purpose, such as `nginx: worker`, is right; one that runs a script is not.
  return isRenamed && runsScript ? program : process.name || program;
}

/**
 * A command line as it may be given to others: the program, and the script of an interpreter. Arguments often hold
 * passwords. The title of the process stays the same.
 */
export function commandWithoutArguments(process: { exe: string; command: string }): string {
  const [program] = wordsOf(process.command);
  const script = interpreter.test(programOf(process)) ? scriptOf(process.command) : undefined;
  return [program, script].filter((word) => word !== undefined).join(' ');
}
