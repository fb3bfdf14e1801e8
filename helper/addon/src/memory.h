// Memory that was needed at start only.
#pragma once

namespace procnetmon {

/// Gives free heap back, and lets go of the pages of the executable, which come back from the file when
/// needed.
void trim_memory();

} // namespace procnetmon
