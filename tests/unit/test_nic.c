/* Real interfaces, in a network namespace of our own. */
#include "base/address.h"
#include "config/config.h"
#include "supervisor/nic.h"
#include "tests/unit/skip.h"

#include <check.h>
#include <sched.h>
#include <string.h>

static const char interfaces[] =
    "{ ip link set lo up; for d in d0 d1; do ip link add $d type veth peer name far$d && ip link set $d up &&"
    "  ip link set far$d up || exit 1; done; ip addr add 10.9.0.1/24 dev d0; ip addr add 10.9.1.1/24 dev d1;"
    "  ip addr add fe80::9/64 dev d1 nodad; } 2>/dev/null";

static const char *nic(const char *local, const char *peer)
{
	static char name[IF_NAMESIZE];
	struct sockaddr_storage a, b;
	socklen_t len;
	ck_assert_ptr_null(ft_address_parse(local, &a, &len));
	ck_assert_ptr_null(ft_address_parse(peer, &b, &len));
	return ft_nic_of(&a, &b, name) == 0 ? name : "none";
}

START_TEST(the_interface_of_the_route_is_told)
{
	if (unshare(CLONE_NEWNET) != 0 || system(interfaces) != 0) {
		skipped("the NIC of a link", "no network namespace with interfaces may be made here");
		return;
	}
	ck_assert_str_eq(nic("10.9.0.1:7400", "10.9.0.2:7400"), "d0");
	ck_assert_str_eq(nic("10.9.1.1:7400", "10.9.1.2:7400"), "d1");
	ck_assert_str_eq(nic("[fe80::9%d1]:7400", "[fe80::8%d1]:7400"), "d1");
	/* Two addresses, and one way: what counts is where the datagrams go. */
	ck_assert_int_eq(system("ip route add 10.9.1.77/32 dev d0"), 0);
	ck_assert_str_eq(nic("10.9.1.1:7400", "10.9.1.77:7400"), "d0");
	ck_assert_str_eq(nic("127.0.0.1:7400", "127.0.0.2:7400"), "none");
	ck_assert_str_eq(nic("10.9.0.1:7400", "192.0.2.1:7400"), "none");
	/* One on top of the other is no cable of its own, as a VLAN is none; a bridge or a bond may be several. */
	if (system(
	        "{ ip link add link d0 name m0 type macvlan && ip addr add 10.9.8.1/24 dev m0 && ip link set m0 up &&"
	        "  ip link add br0 type bridge && ip addr add 10.9.3.1/24 dev br0 && ip link set br0 up; } "
	        "2>/dev/null") != 0) {
		skipped("the NIC under another interface", "no macvlan or bridge can be made here");
		return;
	}
	ck_assert_str_eq(nic("10.9.8.1:7400", "10.9.8.2:7400"), "d0");
	ck_assert_str_eq(nic("10.9.3.1:7400", "10.9.3.2:7400"), "none");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nic");
	TCase *c = tcase_create("nic");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, the_interface_of_the_route_is_told);
	suite_add_tcase(s, c);
	SRunner *sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
