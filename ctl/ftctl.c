/* ftctl, the program. */
#include "ctl/command.h"

int main(int argc, char **argv)
{
	return ft_ctl_run(argc, argv, stdout, stderr);
}
