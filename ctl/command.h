/* ftctl: from the command line to what a person or a script gets to see.
 * Knows: the verbs, exit codes, both ways to print.  Must not know: how ftd comes to its answers.
 *
 * Exit codes: 0 all is well · 1 failed · 2 usage or config · 3 no daemon · 4 refused · 10 not protected · 11 held or fenced. */
#ifndef FT_CTL_COMMAND_H
#define FT_CTL_COMMAND_H

#include <stdio.h>

/* Runs one command; the answer goes to out, complaints to errors.  Returns the exit code. */
int ft_ctl_run(int argc, char **argv, FILE *out, FILE *errors);

#endif
