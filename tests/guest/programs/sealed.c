// SPDX-License-Identifier: GPL-2.0
/*
 * sealed FILE: a copy of it that lies in sealed memory takes its place, until the guest is halted. What
 * does not see this system's processes finds FILE.disk.
 *
 * runc copies itself into such memory whenever it starts or enters a container, unless it is there. An
 * emulator has to translate each copy anew: for 0.1 s of work, that takes 3 s.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* Those that runc asks for, and no others. */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int copy_sealed(const char *path)
{
	struct stat st;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	int copy = memfd_create("sealed", MFD_ALLOW_SEALING);

	if (file < 0 || copy < 0 || fstat(file, &st))
		err(1, "%s", path);
	while (st.st_size > 0) {
		ssize_t sent = sendfile(copy, file, NULL, st.st_size);

		if (sent <= 0)
			err(1, "%s: copying it", path);
		st.st_size -= sent;
	}
	if (fchmod(copy, 0755) || fcntl(copy, F_ADD_SEALS, SEALS))
		err(1, "%s: sealing its copy", path);
	close(file);
	return copy;
}

/* For as long as this process is there, so is the memory. */
static pid_t keep(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return pid;
	setsid();
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	char *target, *new, *disk;
	int copy;

	if (argc != 2)
		errx(2, "usage: sealed FILE");
	copy = copy_sealed(argv[1]);
	if (asprintf(&target, "/proc/%d/fd/%d", keep(), copy) < 0 ||
	    asprintf(&new, "%s.sealed", argv[1]) < 0 || asprintf(&disk, "%s.disk", argv[1]) < 0)
		err(1, "%s", argv[1]);
	if (link(argv[1], disk) || symlink(target, new) || rename(new, argv[1]))
		err(1, "%s", argv[1]);
	return 0;
}
