/* See privilege.h. */
#include "supervisor/privilege.h"

#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int needed[] = {
    CAP_KILL,             /* stops, wakes and ends QEMU, of whichever user */
    CAP_SYS_PTRACE,       /* looks which process QEMU is, and whether its threads stand still */
    CAP_DAC_READ_SEARCH,  /* ... in files of /proc that are QEMU's user's */
    CAP_DAC_OVERRIDE,     /* opens QEMU's sockets, of whichever user, and the arbiter's folder */
    CAP_CHOWN,            /* gives the control socket to control.group */
    CAP_SYS_NICE,         /* runs in time: the sentinel always, the rest with realtime */
    CAP_IPC_LOCK,         /* stays in memory */
    CAP_SYS_RESOURCE,     /* the sentinel is the last that the kernel kills for want of memory */
    CAP_NET_BIND_SERVICE, /* a link's port may be below 1024 */
};

int ft_privilege_shrink(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	uint32_t keep[_LINUX_CAPABILITY_U32S_3] = {0};

	if (geteuid() == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return 0;
	if (syscall(SYS_capget, &head, data) != 0)
		return -1;
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		keep[CAP_TO_INDEX(needed[i])] |= CAP_TO_MASK(needed[i]);
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= keep[i];
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0; /* and with it the ambient ones */
	}
	return (int)syscall(SYS_capset, &head, data);
}
