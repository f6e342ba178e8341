/* Calls that have no safe use here become compile errors. Force-included after the system headers that declare them. */
#ifndef DAYPASS_BANNED_H
#define DAYPASS_BANNED_H

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* glibc makes macros of some. */
#undef strncpy
#undef strncat
#undef stpcpy
#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat stpcpy sprintf vsprintf gets strtok strtok_r
#pragma GCC poison atoi atol atoll gmtime localtime ctime asctime mktemp tmpnam tempnam
#pragma GCC poison system popen setlocale

#endif
