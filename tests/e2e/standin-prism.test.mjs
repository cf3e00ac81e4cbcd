// The stand-in's answers and our requests against Cloudflare's OpenAPI file:
// Prism stands between as a validating proxy and turns a deviation into an
// error.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { wholeCallSet } from '../lib/callset.mjs';
import { Process, freePort, root } from '../lib/proc.mjs';
import { ACCOUNT, Standin } from '../lib/standin.mjs';

const dir = mkdtempSync(join(tmpdir(), 'cx-prism-'));
let standin, prism, base;

before(async () => {
	standin = await Standin.start(join(dir, 'cf'));
	const port = await freePort();
	prism = new Process('prism', process.execPath, [
		join(root, 'tests/node_modules/@stoplight/prism-cli/dist/index.js'), 'proxy', '-h', '127.0.0.1', '-p', String(port),
		'--errors', join(root, 'tests/sim/cloudflare/stream.openapi.json'), standin.api,
	], { log: join(dir, 'prism.log') });
	base = `http://127.0.0.1:${port}`;
	await prism.until('listening', () => prism.text().includes('Prism is listening'), { timeout: 60000 });
});

after(async () => {
	await prism?.stop();
	await standin?.stop();
	rmSync(dir, { recursive: true, force: true });
});

test('the whole call set holds against the specification', async () => {
	await wholeCallSet((method, path, body, headers) => standin.call(method, path, body, { headers, base }),
		(uid, action) => standin.broadcast(uid, action));
});

test('the proxy does look: a wrong request and a wrong answer are refused', async () => {
	const days = await standin.call('POST', '/live_inputs', { deleteRecordingAfterDays: 3 }, { base });
	assert.equal(days.status, 422);
	await standin.fault('missing_fields', { method: 'GET', path: 'live_inputs$' }, { fields: ['envelope.success'] });
	const wrong = await standin.call('GET', '/live_inputs', undefined, { base });
	assert.equal(wrong.status, 500);
	assert.match(wrong.text, /success/);
	const route = await fetch(`${base}/accounts/${ACCOUNT}/nothing`);
	assert.equal(route.status, 404);
});
