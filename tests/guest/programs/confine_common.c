// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"

/* An ELF header, one segment that may be read and executed, and exit(0). */
const unsigned char confine_program[] = {
	0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* identification */
	2, 0, 62, 0, 1, 0, 0, 0, /* executable, x86-64 */
	0x78, 0, 0x40, 0, 0, 0, 0, 0, /* entry */
	64, 0, 0, 0, 0, 0, 0, 0, /* program headers */
	0, 0, 0, 0, 0, 0, 0, 0, /* no sections */
	0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0, /* flags, sizes and numbers */
	1, 0, 0, 0, 5, 0, 0, 0, /* load, r-x */
	0, 0, 0, 0, 0, 0, 0, 0, /* from its start */
	0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, /* to */
	0x81, 0, 0, 0, 0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0, /* all of it */
	0, 0x10, 0, 0, 0, 0, 0, 0, /* aligned */
	0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05, /* exit(0) */
};
const size_t confine_program_size = sizeof(confine_program);

void fail(const char *what)
{
	perror(what);
	exit(3);
}

int open_flags(const char *letters)
{
	static const struct {
		char letter;
		int flag;
	} table[] = {
		{ 'a', O_APPEND }, { 'c', O_CREAT }, { 't', O_TRUNC }, { 'x', O_EXCL },
		{ 'd', O_DIRECTORY }, { 'n', O_NOFOLLOW }, { 'p', O_PATH }, { 'T', O_TMPFILE },
	};
	bool reads = strchr(letters, 'r'), writes = strpbrk(letters, "wa");
	int flags = writes ? (reads ? O_RDWR : O_WRONLY) : O_RDONLY;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strchr(letters, table[i].letter))
			flags |= table[i].flag;
	return flags | O_CLOEXEC | O_NONBLOCK;
}

bool read_line(int fd, char *line, size_t size)
{
	size_t length = 0;

	while (length < size - 1 && read(fd, line + length, 1) == 1) {
		if (line[length] == '\n') {
			line[length] = '\0';
			return true;
		}
		length++;
	}
	return false;
}

int split(char *line, char **words)
{
	int n = 0;

	for (line = strtok(line, " \t"); line && n < CONFINE_WORDS - 1; line = strtok(NULL, " \t"))
		words[n++] = line;
	words[n] = NULL;
	return n;
}
