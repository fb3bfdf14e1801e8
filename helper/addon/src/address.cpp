#include "address.h"

#include <arpa/inet.h>
#include <algorithm>
#include <iterator>

namespace procnetmon {

std::string address_text(const uint8_t (&address)[16])
{
	static constexpr uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char text[INET6_ADDRSTRLEN];

	if (std::all_of(std::begin(address), std::end(address), [](uint8_t byte) { return byte == 0; }))
		return {};
	const bool is_mapped = std::equal(std::begin(mapped_prefix), std::end(mapped_prefix), address);
	const char *result = is_mapped
				 ? inet_ntop(AF_INET, address + sizeof(mapped_prefix), text, sizeof(text))
				 : inet_ntop(AF_INET6, address, text, sizeof(text));

	return result ? result : "";
}

} // namespace procnetmon
