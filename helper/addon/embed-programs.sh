#!/bin/sh
# Compiles the kernel half and turns it into a C header that holds it: embed-programs.sh SOURCE HEADER
set -eu

source=$1
header=$2

# First argument that runs, given a version option; tools have a version in their name on some systems, and
# lie outside an ordinary user's PATH on others.
first_that_runs() {
	option=$1
	shift
	for candidate in "$@"; do
		if "$candidate" "$option" >/dev/null 2>&1; then
			echo "$candidate"
			return
		fi
	done
	echo "None of these runs: $*" >&2
	return 1
}

newest_first() {
	ls "$@" 2>/dev/null | sort -rV
}

clang=${CLANG:-$(first_that_runs --version clang $(newest_first /usr/bin/clang-[0-9]* /usr/lib/llvm-*/bin/clang))}
strip=${LLVM_STRIP:-$(first_that_runs --version "$("$clang" -print-prog-name=llvm-strip)" llvm-strip \
	$(newest_first /usr/bin/llvm-strip-[0-9]*))}
bpftool=${BPFTOOL:-$(first_that_runs version bpftool /usr/sbin/bpftool \
	$(newest_first /usr/lib/linux-tools*/*/bpftool /usr/lib/linux-tools*/bpftool))}

# <linux/types.h> includes <asm/types.h>, which Debian keeps in the folder of the architecture.
architecture_headers=/usr/include/$(uname -m)-linux-gnu

folder=$(dirname "$header")
object=$folder/procnetmon.bpf.o
mkdir -p "$folder"
"$clang" -O2 -g -target bpf -mcpu=v2 -Wall -Wextra -Werror \
	-I"$(dirname "$source")" -I"$architecture_headers" -c "$source" -o "$object"
# The type information (BTF) stays: the kernel wants it for spin locks. The debug information goes.
"$strip" -g "$object"
# Warnings in what a generator wrote are nobody's to mend. Marked here and not by -isystem: headers found that way
# are no dependencies to the compiler, and a change of the kernel half would not reach the addon.
{
	echo '#pragma GCC system_header'
	"$bpftool" gen skeleton "$object" name procnetmon_bpf
} >"$header.new"
mv "$header.new" "$header"
