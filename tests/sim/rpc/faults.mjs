// What the scripted node does wrong: a table of named rules, and which call
// meets which. A rule may have a say at four places:
//   before(call, fault, node)  ahead of the node behind; may set call.answer
//   after(call, fault)         on the node's answer, in place; false: left alone
//   wire                       how the finished message leaves: text or bytes
//   notify(message, fault)     the messages that go out for a notification
import { LIMITS } from './limits.mjs';

const TAGS = ['latest', 'pending', 'safe', 'finalized'];
const hex = (n) => `0x${n.toString(16)}`;
const number = (v) => (TAGS.includes(v) ? Infinity : v === 'earliest' ? 0 : typeof v === 'string' && v.length < 20 ? Number(v) : null);
const ms = (n) => new Promise((done) => setTimeout(done, n));
const refuse = (call, error) => {
	call.answer = { jsonrpc: '2.0', id: call.request.id ?? null, error };
};
const result = (call, value) => {
	call.answer = { jsonrpc: '2.0', id: call.request.id ?? null, result: value };
};
const other = (hash) => hash.slice(0, -1) + (hash.endsWith('0') ? '1' : '0');

// The blocks that a call is about, as [first, last], or null.
export function blocksOf(method, params) {
	const [p] = Array.isArray(params) ? params : [];
	if (method === 'eth_getLogs') {
		if (!p || p.blockHash) return null;
		return [number(p.fromBlock ?? 'latest'), number(p.toBlock ?? 'latest')];
	}
	if (method !== 'eth_getBlockByNumber' && method !== 'eth_getBlockReceipts') return null;
	const n = number(p);
	return n === null || Number.isNaN(n) ? null : [n, n];
}

// The logs of an answer, as the array that holds them: of eth_getLogs, or of
// the first receipt that has some.
function logsOf({ answer }) {
	const list = answer?.result;
	if (!Array.isArray(list)) return null;
	return list[0] && Array.isArray(list[0].logs) ? list.find((r) => r.logs.length)?.logs ?? null : list;
}

// The index of the log that a lie is about: the first of the fault's blocks.
const chosen = (logs, { match: { blocks } }) => logs.findIndex(({ blockNumber }) => !blocks
	|| (Number(blockNumber) >= blocks[0] && Number(blockNumber) <= (blocks[1] ?? Infinity)));

function lie(change) {
	return (call, fault) => {
		const logs = logsOf(call);
		const at = logs ? chosen(logs, fault) : -1;
		return at >= 0 && change(logs, at, fault, call);
	};
}

// A backend that is `lag` blocks behind: what it does not have, it leaves out.
// With each call that it answers it takes in `gain` blocks.
async function stale(call, fault, node) {
	const { method, params } = call.request;
	const { lag, gain = 0 } = fault;
	fault.lag -= gain;
	const head = Number((await node.ask({ jsonrpc: '2.0', id: 0, method: 'eth_blockNumber', params: [] })).result) - lag;
	const [first, last] = blocksOf(method, params) ?? [];
	if (method === 'eth_blockNumber') return result(call, hex(head));
	if (method === 'eth_getLogs' && last > head) {
		if (first > head) return result(call, []);
		call.request = { ...call.request, params: [{ ...params[0], toBlock: hex(head) }] };
	} else if (last === Infinity && params[0] === 'latest') {
		call.request = { ...call.request, params: [hex(head), ...params.slice(1)] };
	} else if (last !== Infinity && last > head) {
		result(call, null);
	} else if (method === 'eth_getBlockByHash') {
		const answer = await node.ask(call.request);
		if (Number(answer.result?.number) > head) result(call, null);
	}
	return undefined;
}

// A backend that stands at block `at`: it takes transactions, and no block.
async function frozen(call, { at }, node) {
	const { method, params = [] } = call.request;
	if (method === 'eth_blockNumber') return result(call, hex(at));
	if (method === 'eth_sendRawTransaction') return result(call, `0x${'0'.repeat(64)}`);
	if (method === 'eth_getTransactionReceipt') {
		const { result: receipt } = await node.ask(call.request);
		return result(call, receipt && Number(receipt.blockNumber) <= at ? receipt : null);
	}
	call.request = { ...call.request, params: params.map((p) => (TAGS.includes(p) ? hex(at) : p)) };
	return undefined;
}

function limited(call, fault, kind, to) {
	const [from] = blocksOf(call.request.method, call.request.params);
	const words = LIMITS[fault.provider][kind];
	if (words) refuse(call, words({ ...fault, from, to }));
	return Boolean(words);
}

function overRange(call, fault) {
	const [from, to] = (call.request.method === 'eth_getLogs' && blocksOf('eth_getLogs', call.request.params)) || [];
	return fault.max_range !== undefined && to - from + 1 > fault.max_range
		&& limited(call, fault, 'range', from + fault.max_range - 1);
}

function overLogs(call, fault) {
	const logs = call.request.method === 'eth_getLogs' && logsOf(call);
	if (!logs || fault.max_logs === undefined || logs.length <= fault.max_logs || !blocksOf('eth_getLogs', call.request.params))
		return false;
	return limited(call, fault, 'logs', Math.max(Number(logs[fault.max_logs].blockNumber) - 1, Number(logs[0].blockNumber)));
}

const single = (answers, text) => `{"jsonrpc":"2.0","id":${JSON.stringify(answers[0].id)},"result":${text}}`;
const framed = (text) => (answers, batch) => (batch ? `[${single(answers, text)}]` : single(answers, text));

const RULES = {
	delay: { wait: (fault) => ms(fault.ms ?? 1000) },
	hold: { hold: true },

	drop_log: { after: lie((logs, at) => logs.splice(at, 1)) },
	double_log: { after: lie((logs, at) => logs.splice(at, 0, structuredClone(logs[at]))) },
	foreign_log: { after: lie((logs, at, fault, { request: { method, params } }) => {
		const last = blocksOf(method, params)?.[1] ?? Number(logs[at].blockNumber);
		logs.push({ ...logs[at], blockNumber: hex(last + 1), blockHash: other(logs[at].blockHash) });
	}) },
	made_up_log: { after: lie((logs, at) => logs.push({ ...logs.at(-1), logIndex: hex(Number(logs.at(-1).logIndex) + 1),
		data: other(logs[at].data) })) },
	alter_log: { after: lie((logs, at) => { logs[at].data = other(logs[at].data); }) },
	alter_header: { after: ({ answer: { result: block } }, { field = 'gasUsed' }) => {
		if (block?.[field] === undefined) return false;
		block[field] = other(block[field]);
		return true;
	} },
	wrong_hash: { after: (call, fault) => {
		const block = call.answer.result;
		if (block?.hash) block.hash = other(block.hash);
		else return lie((logs, at) => { logs[at].blockHash = other(logs[at].blockHash); })(call, fault);
		return true;
	} },
	empty: { after: (call) => {
		const had = Array.isArray(call.answer.result) && call.answer.result.length > 0;
		if (had) call.answer.result = [];
		return had;
	} },
	elsewhere: { before: (call, { answers }) => result(call, answers(call.request)) },
	null_answer: { before: (call) => result(call, null) },
	stale: { before: stale },
	frozen: { before: frozen },
	no_pool: { before: (call) => {
		const { method, params } = call.request;
		if (method === 'eth_getTransactionCount') call.request = { ...call.request, params: [params[0], 'latest'] };
	} },

	limit: { before: overRange, after: overLogs },
	error: { before: (call, { code, message, data }) => refuse(call, { code: code ?? -32000, message: message ?? 'internal error', data }) },
	rate_limit: { before: (call) => refuse(call, { code: 429, message: 'Too Many Requests' }),
		wire: ({ retry_after: after }) => ({ status: 429, headers: after === undefined ? {} : { 'retry-after': String(after) } }) },

	cut: { wire: () => ({}), early: true },
	silent: { wire: () => ({}), early: true },
	cut_after: { wire: () => ({}) },
	half_answer: { wire: () => ({}) },
	fragments: { wire: ({ size }) => ({ size: size ?? 7 }) },
	not_json: { wire: () => ({ text: () => '<html>502 Bad Gateway</html>' }) },
	huge: { wire: ({ bytes }) => ({ text: framed(`"0x${'00'.repeat((bytes ?? 1 << 20) / 2)}"`) }) },
	deep: { wire: ({ depth }) => ({ text: framed('['.repeat(depth ?? 100000) + ']'.repeat(depth ?? 100000)) }) },

	alter_heads: { notify: (message, { field = 'gasUsed' }) => {
		message.params.result[field] = other(message.params.result[field]);
		return [message];
	} },
	lose_heads: { notify: () => [] },
	repeat_heads: { notify: (message) => [message, message] },
	swap_heads: { notify: (message, fault) => {
		const { kept } = fault;
		fault.kept = kept ? null : message;
		return kept ? [message, kept] : [];
	} },
};

const ONCE = 1;

export class Faults {
	list = [];
	#next = 1;
	#waiting = new Set();

	// Throws with what is wrong about it; the fault's id otherwise.
	add(spec) {
		const rule = RULES[spec.kind];
		if (!rule) throw new Error(`kind is one of ${Object.keys(RULES).join(' ')}`);
		if (spec.kind === 'limit' && !LIMITS[spec.provider]) throw new Error(`provider is one of ${Object.keys(LIMITS).join(' ')}`);
		if (spec.kind === 'frozen' && !(spec.at >= 0)) throw new Error('frozen is at a block');
		if (spec.kind === 'stale' && !(spec.lag > 0)) throw new Error('stale has a lag of blocks');
		const { method, blocks, via, params } = spec.match ?? {};
		const times = spec.times ?? ONCE;
		const fault = { ...spec, rule, id: this.#next++, met: 0, seen: 0, skip: spec.skip ?? 0, every: spec.every ?? 1,
			left: times || Infinity,
			match: { methods: method === undefined ? null : [method].flat(), blocks, via, params } };
		this.list.push(fault);
		return fault.id;
	}

	// One fault, or all; what they held goes on.
	clear(id) {
		const before = this.list.length;
		this.list = id === undefined ? [] : this.list.filter((f) => f.id !== id);
		for (const look of [...this.#waiting]) look();
		return before - this.list.length;
	}

	#meets({ match: { methods, blocks, via, params: part } }, how, { request: { method, params } }) {
		if (part !== undefined && !JSON.stringify(params ?? null).includes(part)) return false;
		if ((methods && !methods.includes(method)) || (via && via !== how)) return false;
		if (!blocks) return true;
		const about = blocksOf(method, params);
		return about !== null && about[1] >= blocks[0] && about[0] <= (blocks[1] ?? Infinity);
	}

	// Whether it happens now: the first `skip` matches are let go, then each
	// `every`th meets, `times` times.
	#take(fault) {
		if (fault.left <= 0 || !this.list.includes(fault) || ++fault.seen <= fault.skip || (fault.seen - fault.skip) % fault.every)
			return false;
		fault.left--;
		fault.met++;
		return true;
	}

	#back(fault) {
		fault.left++;
		fault.met--;
	}

	// Until no hold is about these calls any more.
	async #held(via, calls, node) {
		const held = () => this.list.some((f) => f.rule.hold && calls.some((c) => this.#meets(f, via, c)));
		if (!held()) return;
		node.held(1);
		await new Promise((done) => {
			const look = () => {
				if (held()) return;
				this.#waiting.delete(look);
				done();
			};
			this.#waiting.add(look);
		});
		node.held(-1);
	}

	// Ahead of the node behind. Resolves to what after() needs, and `wire` where
	// the message goes no further.
	async before(via, calls, node) {
		await this.#held(via, calls, node);
		const met = { faults: [], out: null, wire: null };
		for (const fault of [...this.list]) {
			const { rule } = fault;
			const about = calls.filter((c) => this.#meets(fault, via, c));
			if (!about.length || rule.hold || rule.notify) continue;
			if (rule.after) met.faults.push([fault, about]);
			if (rule.after && !rule.before) continue;
			if (rule.after) {
				for (const call of about) if (this.#take(fault) && !rule.before(call, fault, node)) this.#back(fault);
				continue;
			}
			if (!this.#take(fault)) continue;
			if (rule.wait) for (let i = 0; i < about.length; i++) await rule.wait(fault);
			if (rule.before) for (const call of about) if (!call.answer) await rule.before(call, fault, node);
			if (rule.early) met.wire = fault.kind;
			else if (rule.wire) met.out = fault;
			if (met.wire) break;
		}
		return met;
	}

	// On the answers; gives how the message leaves.
	after({ faults, out }, calls) {
		for (const [fault, about] of faults)
			for (const call of about)
				if (call.answer && !call.answer.error && this.#take(fault) && fault.rule.after(call, fault) === false) this.#back(fault);
		return out && calls.length ? { kind: out.kind, ...out.rule.wire(out) } : {};
	}

	// What goes out for a notification of the node behind.
	notification(message) {
		const fault = this.list.find((f) => f.rule.notify && this.#take(f));
		return fault ? fault.rule.notify(message, fault) : [message];
	}
}
