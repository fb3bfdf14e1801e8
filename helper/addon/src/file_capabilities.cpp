#include "file_capabilities.h"

#include "error.h"

#include <endian.h>
#include <linux/capability.h>
#include <linux/xattr.h>
#include <sys/xattr.h>

namespace procnetmon {

void set_file_capabilities(int file, uint64_t capabilities)
{
	vfs_cap_data data{};

	data.magic_etc = htole32(VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE);
	data.data[0].permitted = htole32(static_cast<uint32_t>(capabilities));
	data.data[1].permitted = htole32(static_cast<uint32_t>(capabilities >> 32));
	checked(::fsetxattr(file, XATTR_NAME_CAPS, &data, XATTR_CAPS_SZ_2, 0),
		"fsetxattr(security.capability)");
}

} // namespace procnetmon
