// The kernel half, loaded: its programs, its maps, and the cgroup hooks. All of it goes with this object.
#pragma once

#include "file_descriptor.h"
#include "packet_marks.h"

#include "procnetmon.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct procnetmon_bpf;

namespace procnetmon {

class Programs {
      public:
	/// Loads programs and maps. Nothing is attached yet. Told of are the sockets of one user, or of
	/// PNM_EVERY_USER.
	explicit Programs(uint32_t only_user);
	~Programs();
	Programs(const Programs &) = delete;
	Programs &operator=(const Programs &) = delete;

	/// Attaches the cgroup hooks at one folder of the cgroup v2 hierarchy, beside those of others. An
	/// empty name: at its root, wherever that is mounted, if anywhere.
	void attach_cgroup(const std::string &folder);

	int count_egress() const;
	int count_ingress() const;
	int settle_flow() const;

	int flows() const;
	int flow_index() const;
	int free_slots() const;
	int owners() const;
	int sockets() const;
	int overflow() const;
	int watched() const;
	int devices() const;
	int events() const;
	int samples() const;

	/// Whether a socket is of another network namespace than the helper.
	bool is_foreign(int socket) const;

	const pnm_settings &settings() const;
	/// Changes while it is looked at.
	const volatile pnm_statistics &statistics() const;
	/// Says that a slot of the flow pool may be in use, and all below it.
	void note_use(uint32_t slot) const;
	pnm_settling &settling() const;
	/// Of whose socket the helper has a descriptor now. The kernel half looks at it when that is closed.
	pnm_owner &looked_at() const;
	/// The kernel half looks at it with every packet.
	volatile pnm_inspection &inspection() const;

      private:
	PacketMarks marks_;
	struct Destroy {
		void operator()(procnetmon_bpf *skeleton) const;
	};
	std::unique_ptr<procnetmon_bpf, Destroy> skeleton_;
	/// The inode number of the helper's network namespace; 0 where its cookie tells.
	uint64_t home_inode_ = 0;
	std::vector<FileDescriptor> cgroup_links_;
};

} // namespace procnetmon
