/* outcomes.jsonl and what else state_dir tells of the past, after crashes and editors. */
#include "store/outcomes.h"
#include "report/record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	char path[128];
	uint8_t session[FT_SESSION_BYTES];
	int damaged = 0;
	size_t count = 1 + take(&in, 1) % 8;
	const uint8_t *old;
	size_t n_old = take_bytes(&in, take(&in, 2), &old);
	fuzz_put(FT_OUTCOMES_FILE, in.data, in.left, path);
	fuzz_put(FT_OUTCOMES_FILE ".1", old, n_old, path);
	fuzz_put(FT_ANNOUNCED_FILE, old, n_old, path);
	json_t *outcomes = ft_outcomes_read(fuzz_folder(), count, &damaged);
	LAW(json_is_array(outcomes), "files that can be read are");
	LAW(json_array_size(outcomes) <= count && damaged >= 0, "no more than was asked for");
	size_t i;
	json_t *outcome;
	json_array_foreach(outcomes, i, outcome)
	{
		LAW(json_is_object(outcome), "an outcome is an object");
		ft_outcome_print(outcome, fuzz_nowhere());
	}
	json_decref(outcomes);
	ft_outcomes_newest_success(fuzz_folder(), session);
	ft_outcomes_announced(fuzz_folder(), session);
	return 0;
}
