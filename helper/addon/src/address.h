// Text for addresses, in the one form that all sides use.
#pragma once

#include <cstdint>
#include <string>

namespace procnetmon {

/// Canonical text of an address; one that is mapped from IPv4 as IPv4. Empty for all zero (no address).
std::string address_text(const uint8_t (&address)[16]);

} // namespace procnetmon
