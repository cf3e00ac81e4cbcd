// Unpacks the vectors of the package @ethersproject/testcases into plain JSON
// that the C tests read: node convert.mjs OUT_DIRECTORY. Numbers become
// decimal strings, bytes "0x…", so that nothing is rounded.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { keccak256 } from 'viem';

const here = fileURLToPath(new URL('.', import.meta.url));
const source = join(here, '../node_modules/@ethersproject/testcases/testcases');
const out = process.argv[2];
if (!out) {
	console.error('usage: node convert.mjs OUT_DIRECTORY');
	process.exit(2);
}

const load = (name) =>
	JSON.parse(gunzipSync(readFileSync(join(source, `${name}.json.gz`))));
const save = (name, cases) => {
	writeFileSync(join(out, `${name}.json`), JSON.stringify(cases));
	console.log(`${name}: ${cases.length}`);
};

// {type, value} trees of the package, arrays standing for themselves
const plain = (v) => {
	if (Array.isArray(v)) return v.map(plain);
	if (v !== null && typeof v === 'object') {
		if (v.type === 'tuple' || Array.isArray(v.value))
			return v.value.map(plain);
		return v.value;
	}
	return v;
};

// "-0x2b" of the event vectors
const decimal = (v) => {
	if (Array.isArray(v)) return v.map(decimal);
	return /^-0x[0-9a-f]+$/.test(v) ? `-${BigInt(v.slice(1))}` : v;
};

const abi = (name) =>
	load(name).map((c) => ({
		name: `${name}/${c.name}`,
		interface: JSON.parse(c.interface),
		values: JSON.parse(c.normalizedValues ?? c.values).map(plain),
		result: c.result,
	}));

// Keccak of inputs around and beyond the 136-byte block, by another
// implementation (viem, @noble/hashes).
const longInputs = () => {
	const lengths = [0, 1, 7, 8, 9, 135, 136, 137, 271, 272, 273, 408, 1000,
		4096, 100003];
	return lengths.map((length) => {
		const data = new Uint8Array(length);
		for (let i = 0; i < length; i++) data[i] = (i * 131 + 7) & 255;
		return { length, keccak256: keccak256(data) };
	});
};

mkdirSync(out, { recursive: true });
save('abi', [...abi('contract-interface'), ...abi('contract-interface-abi2')]);
save('signatures', load('contract-signatures').map((c) => ({
	name: c.name, signature: c.signature, hash: c.sigHash,
	abi: JSON.parse(c.abi),
})));
save('events', load('contract-events').map((c) => ({
	name: c.name, interface: JSON.parse(c.interface), topics: c.topics,
	data: c.data, values: c.values.map(decimal), hashed: c.hashed,
	normalized: c.normalizedValues,
})));
save('rlp', load('rlp-coder'));
save('hashes', load('hashes').map(({ data, keccak256: digest }) =>
	({ data, keccak256: digest })));
save('keccak-long', longInputs());
