/* Moves payload through one connection or datagram socket in one of the ways that the kernel has for it.
 *
 *   moving ADDRESS PORT tcp|udp WAY   speaks to `traffic.mjs server`, prints {"pid","sent","received"}
 *   moving can WAY                    ends with 0 where the kernel has that way, with 77 elsewhere */
#define _GNU_SOURCE
#include "exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define NOT_AVAILABLE 77

/* Over TCP. A multiple of what is sent at once. */
#define STREAM_BYTES (BUFFER_BYTES * 64)

#define DATAGRAM_ROUNDS  50
#define DATAGRAMS        8 /* one round; as many as one call takes */
#define DATAGRAM_BYTES   1200
#define ANSWER_BYTES     1000
#define RECEIVED_AT_ONCE 16384

/* What one message of a call with several holds at most. */
static size_t message_bytes = BUFFER_BYTES / DATAGRAMS;

/* --- send() and recv() --- */

static ssize_t send_plain(int fd, char *bytes, size_t length)
{
	return send(fd, bytes, length, 0);
}

static ssize_t receive_plain(int fd, char *bytes, size_t length)
{
	return recv(fd, bytes, length, 0);
}

/* --- sendmsg() and recvmsg(), the bytes in two places --- */

static void split(struct iovec parts[2], char *bytes, size_t length)
{
	parts[0] = (struct iovec){.iov_base = bytes, .iov_len = length / 3};
	parts[1] = (struct iovec){.iov_base = bytes + length / 3, .iov_len = length - length / 3};
}

static ssize_t send_message(int fd, char *bytes, size_t length)
{
	struct iovec parts[2];
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	split(parts, bytes, length);
	return sendmsg(fd, &message, 0);
}

static ssize_t receive_message(int fd, char *bytes, size_t length)
{
	struct iovec parts[2];
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	split(parts, bytes, length);
	return recvmsg(fd, &message, 0);
}

/* --- sendmmsg() and recvmmsg() --- */

static int write_messages(struct mmsghdr *messages, struct iovec *parts, char *bytes, size_t length)
{
	int count = 0;

	memset(messages, 0, DATAGRAMS * sizeof(*messages));
	for (size_t offset = 0; offset < length && count < DATAGRAMS; offset += message_bytes, count++) {
		const size_t left = length - offset;

		parts[count] = (struct iovec){.iov_base = bytes + offset,
					      .iov_len = left < message_bytes ? left : message_bytes};
		messages[count].msg_hdr.msg_iov = parts + count;
		messages[count].msg_hdr.msg_iovlen = 1;
	}
	return count;
}

static ssize_t sum_of(const struct mmsghdr *messages, int count)
{
	ssize_t sum = 0;

	if (count < 0)
		return count;
	for (int index = 0; index < count; index++)
		sum += messages[index].msg_len;
	return sum;
}

static ssize_t send_messages(int fd, char *bytes, size_t length)
{
	struct mmsghdr messages[DATAGRAMS];
	struct iovec parts[DATAGRAMS];
	const int count = write_messages(messages, parts, bytes, length);

	return sum_of(messages, sendmmsg(fd, messages, (unsigned int)count, 0));
}

static ssize_t receive_messages(int fd, char *bytes, size_t length)
{
	struct mmsghdr messages[DATAGRAMS];
	struct iovec parts[DATAGRAMS];
	const int count = write_messages(messages, parts, bytes, length);

	return sum_of(messages, recvmmsg(fd, messages, (unsigned int)count, MSG_WAITFORONE, NULL));
}

/* --- sendfile() from a file in memory --- */

static ssize_t send_file(int fd, char *bytes, size_t length)
{
	static int file = -1;
	off_t offset = 0;

	if (file < 0) {
		file = checked(memfd_create("payload", 0), "memfd_create");
		if (write(file, bytes, BUFFER_BYTES) != BUFFER_BYTES)
			fail("write");
	}
	return sendfile(fd, file, &offset, length);
}

/* --- splice() through a pipe --- */

static const int *pipe_ends(void)
{
	static int ends[2] = {-1, -1};

	if (ends[0] < 0)
		checked(pipe(ends), "pipe");
	return ends;
}

static ssize_t send_spliced(int fd, char *bytes, size_t length)
{
	const int *ends = pipe_ends();
	ssize_t left = write(ends[1], bytes, length);
	const ssize_t taken = left;

	while (left > 0) {
		const ssize_t moved = splice(ends[0], NULL, fd, NULL, (size_t)left, 0);

		if (moved <= 0)
			return moved;
		left -= moved;
	}
	return taken;
}

static ssize_t receive_spliced(int fd, char *bytes, size_t length)
{
	const int *ends = pipe_ends();
	const ssize_t moved = splice(fd, NULL, ends[1], NULL, length < 4096 ? length : 4096, 0);

	return moved > 0 ? read(ends[0], bytes, (size_t)moved) : moved;
}

/* --- MSG_ZEROCOPY: the kernel says on the error queue when it needs the bytes no more --- */

static ssize_t send_without_copy(int fd, char *bytes, size_t length)
{
	const int on = 1;
	char control[256];
	struct msghdr notice = {.msg_control = control, .msg_controllen = sizeof(control)};
	struct pollfd wanted = {.fd = fd};

	checked(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), "SO_ZEROCOPY");
	const ssize_t sent = send(fd, bytes, length, MSG_ZEROCOPY);

	if (sent < 0)
		return sent;
	checked(poll(&wanted, 1, -1), "poll");
	checked((int)recvmsg(fd, &notice, MSG_ERRQUEUE), "recvmsg(MSG_ERRQUEUE)");
	return sent;
}

/* --- io_uring, one operation at a time --- */

struct ring {
	int fd;
	unsigned int *submitted; /* tail of the submission queue */
	unsigned int *taken;     /* head of the completion queue */
	unsigned int submission_mask;
	unsigned int completion_mask;
	unsigned int *order;
	struct io_uring_sqe *submissions;
	struct io_uring_cqe *completions;
};

static void *map_ring(int fd, size_t length, off_t offset)
{
	void *mapping = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);

	if (mapping == MAP_FAILED)
		fail("mmap");
	return mapping;
}

static int set_up_ring(struct io_uring_params *parameters)
{
	return (int)syscall(SYS_io_uring_setup, 8, parameters);
}

static struct ring *the_ring(void)
{
	static struct ring ring;
	struct io_uring_params at = {0};

	if (ring.fd > 0)
		return &ring;
	ring.fd = checked(set_up_ring(&at), "io_uring_setup");
	char *submission =
	    map_ring(ring.fd, at.sq_off.array + at.sq_entries * sizeof(unsigned int), IORING_OFF_SQ_RING);
	char *completion = map_ring(ring.fd, at.cq_off.cqes + at.cq_entries * sizeof(struct io_uring_cqe),
				    IORING_OFF_CQ_RING);

	ring.submitted = (unsigned int *)(submission + at.sq_off.tail);
	ring.submission_mask = *(unsigned int *)(submission + at.sq_off.ring_mask);
	ring.order = (unsigned int *)(submission + at.sq_off.array);
	ring.submissions = map_ring(ring.fd, at.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	ring.taken = (unsigned int *)(completion + at.cq_off.head);
	ring.completion_mask = *(unsigned int *)(completion + at.cq_off.ring_mask);
	ring.completions = (struct io_uring_cqe *)(completion + at.cq_off.cqes);
	return &ring;
}

static ssize_t through_ring(uint8_t operation, int fd, char *bytes, size_t length)
{
	struct ring *ring = the_ring();
	const unsigned int tail = *ring->submitted;
	const unsigned int index = tail & ring->submission_mask;

	ring->submissions[index] = (struct io_uring_sqe){
	    .opcode = operation, .fd = fd, .addr = (uint64_t)(uintptr_t)bytes, .len = (uint32_t)length};
	ring->order[index] = index;
	__atomic_store_n(ring->submitted, tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1;
	const unsigned int head = *ring->taken;
	const int result = ring->completions[head & ring->completion_mask].res;

	__atomic_store_n(ring->taken, head + 1, __ATOMIC_RELEASE);
	if (result < 0)
		errno = -result;
	return result < 0 ? -1 : result;
}

static ssize_t send_through_ring(int fd, char *bytes, size_t length)
{
	return through_ring(IORING_OP_SEND, fd, bytes, length);
}

static ssize_t receive_through_ring(int fd, char *bytes, size_t length)
{
	return through_ring(IORING_OP_RECV, fd, bytes, length);
}

/* --- MSG_PEEK: everything is looked at twice and taken once --- */

static ssize_t receive_after_peeking(int fd, char *bytes, size_t length)
{
	const ssize_t seen = recv(fd, bytes, length, MSG_PEEK);

	return seen > 0 ? recv(fd, bytes, (size_t)seen, 0) : seen;
}

/* --- the two conversations --- */

static const struct way {
	const char *name;
	ssize_t (*send)(int fd, char *bytes, size_t length);
	ssize_t (*receive)(int fd, char *bytes, size_t length);
	bool is_several; /* takes several messages at once */
} ways[] = {
    {"send", send_plain, receive_plain, false},
    {"sendmsg", send_message, receive_message, false},
    {"sendmmsg", send_messages, receive_messages, true},
    {"sendfile", send_file, receive_plain, false},
    {"splice", send_spliced, receive_spliced, false},
    {"zerocopy", send_without_copy, receive_plain, false},
    {"io_uring", send_through_ring, receive_through_ring, false},
    {"peek", send_plain, receive_after_peeking, false},
};

static const struct way *find_way(const char *name)
{
	for (size_t index = 0; index < sizeof(ways) / sizeof(*ways); index++)
		if (!strcmp(ways[index].name, name))
			return ways + index;
	fprintf(stderr, "There is no way %s\n", name);
	exit(2);
}

static size_t send_once(const struct way *way, int fd, char *bytes, size_t length)
{
	const ssize_t sent = way->send(fd, bytes, length);

	if (sent <= 0)
		fail(way->name);
	totals.sent += (uint64_t)sent;
	return (size_t)sent;
}

static size_t receive_once(const struct way *way, int fd)
{
	static char taken[DATAGRAMS * RECEIVED_AT_ONCE];
	const ssize_t received = way->receive(fd, taken, sizeof(taken));

	if (received < 0)
		fail(way->name);
	totals.received += (uint64_t)received;
	return (size_t)received;
}

static void move_stream(const struct way *way, int fd)
{
	write_request(buffer, STREAM_BYTES, STREAM_BYTES, "server");
	for (size_t left = REQUEST_BYTES + STREAM_BYTES; left > 0;)
		left -= send_once(way, fd, buffer, left < BUFFER_BYTES ? left : BUFFER_BYTES);
	while (receive_once(way, fd) > 0)
		;
}

static void move_datagrams(const struct way *way, int fd)
{
	const size_t at_once = way->is_several ? DATAGRAMS * DATAGRAM_BYTES : DATAGRAM_BYTES;

	message_bytes = DATAGRAM_BYTES;
	for (size_t index = 0; index < DATAGRAMS; index++)
		*(uint32_t *)(void *)(buffer + index * DATAGRAM_BYTES) = htonl(ANSWER_BYTES);
	for (int round = 0; round < DATAGRAM_ROUNDS; round++) {
		for (size_t left = DATAGRAMS * DATAGRAM_BYTES; left > 0;)
			left -= send_once(way, fd, buffer, at_once);
		/* All answers of a round, so that none is lost to a full queue. */
		for (size_t left = DATAGRAMS * ANSWER_BYTES; left > 0;)
			left -= receive_once(way, fd);
	}
}

int main(int count, char **arguments)
{
	if (count == 3 && !strcmp(arguments[1], "can")) {
		struct io_uring_params parameters = {0};

		return !strcmp(arguments[2], "io_uring") && set_up_ring(&parameters) < 0 ? NOT_AVAILABLE : 0;
	}
	if (count != 5)
		return 2;
	const bool is_stream = !strcmp(arguments[3], "tcp");
	const struct way *way = find_way(arguments[4]);
	const int fd = socket_for(arguments[1], is_stream ? SOCK_STREAM : SOCK_DGRAM);

	connect_to(fd, arguments[1], atoi(arguments[2]));
	if (is_stream)
		move_stream(way, fd);
	else
		move_datagrams(way, fd);
	close(fd);
	print_totals();
	return 0;
}
