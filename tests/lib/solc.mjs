// Contracts of the tests, compiled in memory by the compiler from npm.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { root } from './proc.mjs';

// {abi, bytecode, runtime} of the contract that a file is named after.
export function compile(path) {
	const solc = createRequire(join(root, 'tests/package.json'))('solc');
	const file = basename(path);
	const out = JSON.parse(solc.compile(JSON.stringify({
		language: 'Solidity',
		sources: { [file]: { content: readFileSync(join(root, path), 'utf8') } },
		settings: { viaIR: true, optimizer: { enabled: true, runs: 1 }, outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } } },
	})));
	const errors = (out.errors ?? []).filter((e) => e.severity === 'error').map((e) => e.formattedMessage);
	if (errors.length) throw new Error(errors.join('\n'));
	const c = out.contracts[file][file.replace(/\.sol$/, '')];
	return { abi: c.abi, bytecode: `0x${c.evm.bytecode.object}`, runtime: `0x${c.evm.deployedBytecode.object}` };
}
