// What a storm's nodes do wrong: each gust is one fault of the scripted node
// (tests/sim/rpc), over random methods, a few times.
const HEADERS = ['eth_getBlockByNumber', 'eth_getBlockByHash'];
const LOGS = ['eth_getLogs', 'eth_getBlockReceipts', 'eth_getTransactionReceipt'];
const ASKED = [...HEADERS, ...LOGS];

// Failures that say of themselves that they are failures.
const HONEST = {
	delay: (r) => ({ ms: r.int(20, 400), times: r.int(1, 10) }),
	cut: (r) => ({ skip: r.int(0, 4), times: r.int(1, 2) }),
	cut_after: (r) => ({ skip: r.int(0, 4), times: r.int(1, 2) }),
	silent: (r) => ({ skip: r.int(0, 4) }),
	half_answer: (r) => ({ skip: r.int(0, 4), times: r.int(1, 2) }),
	fragments: (r) => ({ size: r.int(1, 300), times: r.int(1, 4) }),
	not_json: (r) => ({ skip: r.int(0, 4), times: r.int(1, 2) }),
	huge: (r) => ({ bytes: 2 ** r.int(16, 21) }),
	deep: (r) => ({ depth: r.int(100, 100000) }),
	null_answer: (r) => ({ skip: r.int(0, 4), times: r.int(1, 4) }),
	error: (r) => ({ message: r.pick(['internal error', 'header not found', 'method not found', 'query timeout exceeded']), times: r.int(1, 5) }),
	stale: (r) => ({ lag: r.int(1, 8), every: r.int(1, 3), times: r.int(2, 40) }),
	limit: (r) => (r.chance(0.5) ? { provider: r.pick(['alchemy', 'alchemy_free', 'quicknode', 'ankr', 'geth', 'reth']), max_range: r.int(1, 30) }
		: { provider: r.pick(['alchemy', 'infura', 'reth']), max_logs: r.int(1, 10) }),
	rate_limit: (r) => ({ retry_after: r.pick([undefined, 1]), times: r.int(1, 2) }),
	lose_heads: (r) => ({ times: r.int(1, 10) }),
	repeat_heads: (r) => ({ times: r.int(1, 10) }),
	swap_heads: (r) => ({ times: 2 * r.int(1, 5) }),
};

// Failures that look like answers.
const LIES = {
	drop_log: () => ({}),
	double_log: () => ({}),
	foreign_log: () => ({}),
	wrong_hash: () => ({}),
	empty: () => ({}),
};

const methods = {
	stale: undefined,
	limit: undefined,
	lose_heads: undefined,
	repeat_heads: undefined,
	swap_heads: undefined,
	drop_log: LOGS,
	double_log: LOGS,
	foreign_log: ['eth_getLogs'],
	wrong_hash: ASKED,
	empty: ['eth_getLogs', 'eth_getBlockReceipts'],
};

// Adds one; gives what it was.
export function gust(rng, faults, lies) {
	const table = lies && rng.chance(0.4) ? LIES : HONEST;
	const kind = rng.pick(Object.keys(table));
	const among = kind in methods ? methods[kind] : ASKED;
	const method = among && (rng.chance(0.5) ? among : [rng.pick(among)]);
	const spec = { kind, match: { method }, ...(table === LIES ? { times: rng.int(1, 4), skip: rng.int(0, 4) } : {}), ...table[kind](rng) };
	if (kind === 'limit') spec.times = 0;
	faults.add(spec);
	return spec;
}
