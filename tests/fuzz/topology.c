/* What a QEMU says of itself, and the plan that is made of it. */
#include "qmp/plan.h"
#include "tests/fuzz/fuzz.h"

static void build(const json_t *answers)
{
	struct ft_query queries[256];
	char error[FT_TEXT_MAX];
	static struct ft_topology topology;
	int n = ft_topology_qom_queries(answers, queries, 256);
	for (int i = 0; i < n; i++)
		json_decref(queries[i].arguments);
	if (ft_topology_build(answers, &topology, error) < 0) {
		LAW(error[0], "a topology that there is not has a reason");
		return;
	}
	struct ft_plan plan;
	struct ft_ids disks, peers;
	ft_topology_disk_nodes(&topology, &disks, &peers);
	if (ft_plan_build(&topology, FT_NS_PER_MS, &plan, error) == 0) {
		LAW(plan.n > 0 && plan.n <= FT_STEPS_MAX, "a plan has steps");
		for (int i = 0; i < plan.n; i++) {
			json_t *request = json_loadb(plan.steps[i].text, plan.steps[i].text_len, 0, NULL);
			LAW(json_is_object(request), "every step is one JSON object");
			LAW(!memchr(plan.steps[i].text, '\n', plan.steps[i].text_len), "and one line");
			json_decref(request);
		}
	} else {
		LAW(error[0], "a plan that there is not has a reason");
	}
	ft_plan_free(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *answers = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
	if (json_is_object(answers))
		build(answers);
	json_decref(answers);
	return 0;
}
