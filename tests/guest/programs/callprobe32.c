// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * callprobe32 NUMBER: an i386 program without a C library, so that no 32-bit one is needed. Makes
 * the call, with room to write to as its first argument, and prints as callprobe does.
 */
static char room[4096];

static int call3(int nr, int a, int b, int c)
{
	int returned;

	__asm__ volatile("int $0x80" : "=a"(returned) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return returned;
}

static int number(const char *text)
{
	int n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (*text++ - '0');
	return n;
}

static char *put(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	return to;
}

static char *put_number(char *to, int n)
{
	char digits[12];
	int i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while (n /= 10);
	while (i > 0)
		*to++ = digits[--i];
	return to;
}

__attribute__((used)) static void run(int argc, char **argv)
{
	static char line[64];
	char *end;
	int returned;

	if (argc != 2)
		call3(1, 2, 0, 0);
	returned = call3(number(argv[1]), (int)room, 0, 0);
	end = put(line, returned < 0 ? "ret -1 errno " : "ret ");
	end = put_number(end, returned < 0 ? -returned : returned);
	if (returned >= 0)
		end = put(end, " errno 0");
	*end++ = '\n';
	call3(4, 1, (int)line, end - line);
	call3(1, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mov (%esp), %eax\n"
	"	lea 4(%esp), %edx\n"
	"	and $-16, %esp\n"
	"	sub $8, %esp\n"
	"	push %edx\n"
	"	push %eax\n"
	"	call run\n");
