// How the tests' own programs in C are compiled, here and for the virtual machines.

/** Options of the C compiler, without `-o` and the source. */
export const compilerOptions = ['-std=gnu17', '-Wall', '-Wextra', '-Werror', '-O1', '-pthread'];
