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

/** The first word of a command line that is neither the program nor an option. */
function scriptOf(command: string): string | undefined {
  const words = command.split(' ').slice(1);
  const script = words.find((word) => word !== '' && !word.startsWith('-'));
  return script === undefined ? undefined : baseName(script);
}

/**
 * A title such as `node shop.mjs`, `python3 courier.py` or `echo`. Its parts are as clean as those of the process.
 * @param process what the helper says of it: `name` is the kernel's, `exe` and `command` may be empty
 */
export function processTitle(process: { name: string; exe: string; command: string }): string {
  const program = baseName(process.exe).replace(/ \(deleted\)$/, '');
  const isRenamed = program !== '' && !program.startsWith(process.name.slice(0, kernelNameLength));
  const runsScript = interpreter.test(program);
  const script = runsScript ? scriptOf(process.command) : undefined;
  if (script !== undefined && script !== '') {
    return `${program} ${script}`;
  }
  // A program that names itself on purpose, such as `nginx: worker`, is right; one that runs a script is not.
  return isRenamed && runsScript ? program : process.name || program;
}
