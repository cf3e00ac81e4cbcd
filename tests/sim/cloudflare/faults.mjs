// Faults asked for over the control endpoint: which request they meet and
// what they do to its answer.
const KINDS = ['delay', '429', '500', 'drop', 'drop_after_commit', 'half_answer', 'stale_list', 'not_json',
	'bad_uid', 'missing_fields', 'twice', 'late', 'cut_list', 'quote', 'unfiltered'];

export class Faults {
	list = [];

	add(spec) {
		if (!KINDS.includes(String(spec.kind))) return `kind is one of ${KINDS.join(' ')}`;
		const match = spec.match ?? {};
		this.list.push({
			kind: String(spec.kind), ms: spec.ms ?? 1000, at: spec.at, times: spec.times ?? 1, fields: spec.fields ?? ['uid'],
			method: match.method, path: match.path ? new RegExp(match.path) : null, body: match.body,
		});
		return null;
	}

	clear() {
		this.list = [];
	}

	// The first fault that this request meets; counts it.
	meet(method, path, text) {
		const i = this.list.findIndex((f) => (!f.method || f.method === method) && (!f.path || f.path.test(path)) &&
			(!f.body || text.includes(f.body)));
		if (i < 0) return null;
		const fault = this.list[i];
		if (--fault.times <= 0) this.list.splice(i, 1);
		return fault;
	}
}

// Change a finished answer's result as the fault says.
export function spoil(fault, envelope) {
	const result = envelope.result && structuredClone(envelope.result);
	if (!result || typeof result !== 'object') return envelope;
	if (fault.kind === 'bad_uid' && 'uid' in result) result.uid = 'ZZ' + result.uid.slice(2);
	if (fault.kind !== 'missing_fields') return { ...envelope, result };
	const spoilt = { ...envelope, result };
	for (const name of fault.fields) {
		if (name.startsWith('envelope.')) delete spoilt[name.slice('envelope.'.length)];
		else delete result[name];
	}
	return spoilt;
}
