// Rights that a file gives to whoever executes it.
#pragma once

#include <cstdint>

namespace procnetmon {

/// Lets those who execute an open file hold these capabilities, and no others, from the start. Takes
/// CAP_SETFCAP. Throws EOPNOTSUPP where the file system keeps none.
void set_file_capabilities(int file, uint64_t capabilities);

} // namespace procnetmon
