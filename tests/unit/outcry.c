/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An assertion of cmocka that fails is heard, whatever becomes of the program.
 * By itself the library keeps the words until the test's teardown is over: one
 * that crashes or hangs takes them along. And in a thread that is not the
 * test's it ends the program with 255 and says nothing at all.
 *
 * These take the place of the library's own functions: a program's symbols come
 * before those of its libraries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef void (*print_fn)(const char *format, ...);
typedef void (*fail_fn)(const char *file, int line);

/* Not in cmocka.h: what each failed assertion says goes through it. */
void cm_print_error(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

void cm_print_error(const char *format, ...)
{
	print_fn own = (print_fn)dlsym(RTLD_NEXT, "cm_print_error");
	char text[4096];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fputs(text, stderr);
	fflush(stderr);
	if (own)
		own("%s", text);
}

void _fail(const char *const file, const int line)
{
	fail_fn own = (fail_fn)dlsym(RTLD_NEXT, "_fail");

	/* A test runs in the first thread of its process. */
	if (own && gettid() == getpid())
		own(file, line);
	fprintf(stderr,
		"%s:%d: this failed in a thread other than the test's\n", file,
		line);
	fflush(NULL);
	abort();
}
