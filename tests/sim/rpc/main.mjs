// The scripted node as a process: its options and its control endpoint. The
// README beside it says what can be asked of it.
import { parseArgs } from 'node:util';
import { Faults } from './faults.mjs';
import { ScriptedNode, bodyOf } from './transport.mjs';

const { values: opt } = parseArgs({ options: { upstream: { type: 'string' }, port: { type: 'string', default: '0' } } });
if (!/^http:\/\//.test(opt.upstream ?? '')) {
	console.error('scripted node: --upstream http://HOST:PORT is needed');
	process.exit(2);
}
const faults = new Faults();
const node = new ScriptedNode(opt.upstream, faults);

function send(res, status, body) {
	res.writeHead(status, { 'content-type': 'application/json' });
	res.end(JSON.stringify(body));
}

const state = () => ({ upstream: node.upstream, sockets: node.pairs.size, held: node.held, calls: node.calls, log: node.log,
	faults: faults.list.map(({ id, kind, left, met }) => ({ id, kind, left, met })) });

// Each answers an object, or throws what was wrong with the question.
const actions = {
	'POST fault': (body) => ({ id: faults.add(body) }),
	'POST faults/clear': ({ id }) => ({ cleared: faults.clear(id) }),
	'POST sockets': ({ action }) => {
		if (!['cut', 'freeze'].includes(action)) throw new Error('action is cut or freeze');
		const met = node.pairs.size;
		node.sever(action);
		return { met };
	},
	'POST upstream': ({ url }) => {
		if (!/^http:\/\//.test(url ?? '')) throw new Error('url is http://HOST:PORT');
		node.upstream = url;
		node.sever('cut');
		return { upstream: url };
	},
	'GET state': state,
};

async function control(req, res) {
	const text = await bodyOf(req);
	const action = actions[`${req.method} ${req.url.slice('/_control/'.length)}`];
	if (!action) return send(res, 404, { error: `one of ${Object.keys(actions).join(', ')}` });
	try {
		return send(res, 200, action(text ? JSON.parse(text) : {}));
	} catch (e) {
		return send(res, 400, { error: e.message });
	}
}

const url = await node.listen(Number(opt.port), control);
console.log(JSON.stringify({ url, ws: url.replace('http', 'ws') }));
for (const signal of ['SIGTERM', 'SIGINT'])
	process.on(signal, () => {
		node.stop();
		process.exit(0);
	});
