// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first process of a guest: makes it a machine (file systems, network),
 * opens the port to the host, and starts work(.c) as the host asks:
 *
 *	<- hello			-> hello CPUS KERNEL
 *	<- prepare WORKLOAD THREADS ARGUMENT	ARGUMENT may be -
 *	all else goes to the workload, and all that it says to the host
 *
 * A workload whose host has gone is ended.
 *
 * "agent SOCKET WORK" does the same outside of a guest, for tests: the port is a
 * socket, and WORK is what is started.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT_NAME	"org.vmgang.bench"
#define PORTS		"/sys/class/virtio-ports"

/* A stream that is cut into lines. */
struct lines {
	int fd;
	size_t len;
	char text[512];
};

struct child {
	pid_t pid;			/* 0: there is none */
	int in;
	struct lines out;
	bool finished;			/* it has said done, or error */
};

static struct lines port = { .fd = -1 };
static int listener = -1;		/* of a port that is a socket */
static char *work_path = "/work";
static struct child child;

static void nap(long ms)
{
	const struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/*
 * The kernel hears of a new host by another queue than of what it says, and until
 * then the port takes nothing. A host that does not come is given up.
 */
static void __attribute__((format(printf, 1, 2))) tell(const char *format, ...)
{
	char line[600];
	va_list args;
	int len, tries;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	len = len < (int)sizeof(line) - 2 ? len : (int)sizeof(line) - 2;
	line[len++] = '\n';
	for (tries = 0; tries < 500; tries++) {
		if (write(port.fd, line, len) == len || errno != EAGAIN)
			return;
		nap(10);
	}
}

/* Takes the first whole line out of @l, without its end. */
static bool next_line(struct lines *l, char *line)
{
	char *end = memchr(l->text, '\n', l->len);
	size_t len;

	if (!end)
		return false;
	len = end - l->text;
	memcpy(line, l->text, len);
	line[len] = '\0';
	l->len -= len + 1;
	memmove(l->text, end + 1, l->len);
	return true;
}

static ssize_t fill(struct lines *l)
{
	ssize_t n;

	if (l->len == sizeof(l->text))
		l->len = 0;		/* no such line was ever meant */
	n = read(l->fd, l->text + l->len, sizeof(l->text) - l->len);
	if (n > 0)
		l->len += n;
	return n;
}

static void child_end(void)
{
	int status = 0;

	if (!child.pid)
		return;
	close(child.in);
	close(child.out.fd);
	kill(child.pid, SIGKILL);
	waitpid(child.pid, &status, 0);
	child.pid = 0;
}

static void child_start(char **argv)
{
	int in[2], out[2];

	child_end();
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
		tell("error agent: no pipe: %s", strerror(errno));
		return;
	}
	child = (struct child){ .pid = fork(), .in = in[1], .out.fd = out[0] };
	if (!child.pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execv(work_path, argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	if (child.pid < 0) {
		child.pid = 0;
		tell("error agent: no process: %s", strerror(errno));
	}
}

static void child_speaks(void)
{
	char line[sizeof(child.out.text) + 1];
	ssize_t n = fill(&child.out);

	while (next_line(&child.out, line)) {
		child.finished |= !strncmp(line, "done ", 5) || !strncmp(line, "error ", 6);
		tell("%s", line);
	}
	if (n > 0)
		return;
	if (!child.finished)
		tell("error the workload has died");
	child_end();
}

static void host_says(char *line)
{
	struct utsname name;
	char *argv[5] = { work_path }, *rest = NULL, *word;
	int i = 1;

	if (!strcmp(line, "hello")) {
		uname(&name);
		tell("hello %d %s", get_nprocs(), name.release);
	} else if (!strncmp(line, "prepare ", 8)) {
		for (word = strtok_r(line + 8, " ", &rest); word && i < 4;
		     word = strtok_r(NULL, " ", &rest))
			if (strcmp(word, "-") != 0)
				argv[i++] = word;
		child_start(argv);
	} else if (!child.pid) {
		tell("error no workload is prepared for '%.60s'", line);
	} else {
		dprintf(child.in, "%s\n", line);
	}
}

/* Whether the host is there. */
static bool host_speaks(short revents)
{
	char line[sizeof(port.text) + 1];

	if (revents & POLLIN && fill(&port) <= 0 && errno != EAGAIN)
		return false;
	while (next_line(&port, line))
		host_says(line);
	return !(revents & POLLHUP);
}

/* A port without a host is always ready to be read, and has nothing. */
static void host_await(void)
{
	if (listener < 0) {
		nap(200);
		return;
	}
	close(port.fd);
	port.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void __attribute__((noreturn)) serve(void)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = port.fd, .events = POLLIN },
			{ .fd = child.pid ? child.out.fd : -1, .events = POLLIN },
		};

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			child_speaks();
		if (fds[0].revents && !host_speaks(fds[0].revents)) {
			child_end();
			port.len = 0;
			host_await();
		}
	}
}

static int open_port(void)
{
	char path[300], name[64];
	struct dirent *entry;
	int fd = -1, got;
	DIR *dir = opendir(PORTS);

	while (dir && fd < 0 && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), PORTS "/%s/name", entry->d_name);
		got = open(path, O_RDONLY | O_CLOEXEC);
		if (got < 0)
			continue;
		memset(name, 0, sizeof(name));
		if (read(got, name, sizeof(name) - 1) > 0 &&
		    !strcmp(name, PORT_NAME "\n")) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		}
		close(got);
	}
	if (dir)
		closedir(dir);
	return fd;
}

/* Drivers that the kernel does not have built in, in the order they need. */
static void load_modules(void)
{
	char path[32];
	int i, fd;

	for (i = 0; ; i++) {
		snprintf(path, sizeof(path), "/modules/%02d.ko", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return;
		if (syscall(SYS_finit_module, fd, "", 0))
			printf("agent: %s: %s\n", path, strerror(errno));
		close(fd);
	}
}

static bool interface_up(int sock, const char *name, const char *address)
{
	struct ifreq ifr = { 0 };
	struct sockaddr_in in = { .sin_family = AF_INET };

	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (!inet_aton(address, &in.sin_addr))
		return false;
	memcpy(&ifr.ifr_addr, &in, sizeof(in));
	if (ioctl(sock, SIOCSIFADDR, &ifr))
		return false;
	in.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&ifr.ifr_netmask, &in, sizeof(in));
	if (ioctl(sock, SIOCSIFNETMASK, &ifr) || ioctl(sock, SIOCGIFFLAGS, &ifr))
		return false;
	ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP);
	return !ioctl(sock, SIOCSIFFLAGS, &ifr);
}

/* The kernel hands on what it does not know of its command line. */
static void network(void)
{
	const char *address = getenv("bench_ip");
	int sock;

	if (!address)
		return;
	load_modules();
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!interface_up(sock, "eth0", address))
		printf("agent: eth0: %s\n", strerror(errno));
	close(sock);
}

static int serve_socket(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	strncpy(un.sun_path, path, sizeof(un.sun_path) - 1);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&un, sizeof(un)) || listen(listener, 4)) {
		perror(path);
		return 1;
	}
	host_await();
	serve();
}

int main(int argc, char **argv)
{
	const struct sched_param first = { .sched_priority = 2 };
	int tries;

	signal(SIGPIPE, SIG_IGN);
	if (getpid() != 1 && argc == 3) {
		work_path = argv[2];
		return serve_socket(argv[1]);
	}
	if (getpid() != 1) {
		fprintf(stderr, "agent: only for a guest, as its first process\n");
		return 2;
	}
	if (mount("dev", "/dev", "devtmpfs", 0, NULL) ||
	    mount("sys", "/sys", "sysfs", 0, NULL) ||
	    mount("proc", "/proc", "proc", 0, NULL) ||
	    mount("tmp", "/tmp", "tmpfs", 0, NULL))
		perror("agent: mount");
	network();
	for (tries = 0; port.fd < 0 && tries < 600; tries++) {
		port.fd = open_port();
		if (port.fd < 0)
			nap(50);
	}
	if (port.fd < 0) {
		printf("agent: no port " PORT_NAME "\n");
		reboot(RB_POWER_OFF);
	}
	/* what it starts does not inherit that */
	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
	serve();
}
