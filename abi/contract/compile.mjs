// Compiles RoomRegistry.sol with the pinned solc-js and writes RoomRegistry.json
// (ABI and bytecode), which the daemons, the CLI and the tests read. With
// --check it writes nothing and exits 1 if the committed file is not what the
// source gives. The packages come from tests/node_modules.
//
//   node abi/contract/compile.mjs [--check]
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const tests = join(here, '..', '..', 'tests');
const modules = join(tests, 'node_modules');
const artefact = join(here, 'RoomRegistry.json');

// Not via IR: that writes a packed struct field by field and compares selectors
// one by one, which together cost more than the gas goals leave.
const settings = {
  optimizer: { enabled: true, runs: 2000 },
  viaIR: false,
  evmVersion: 'cancun',
  metadata: { bytecodeHash: 'none', appendCBOR: false },
};

function findImport(path) {
  const file = path.startsWith('@') ? join(modules, path) : join(here, path);
  return existsSync(file)
    ? { contents: readFileSync(file, 'utf8') }
    : { error: `no such file: ${path}` };
}

// Compiles one contract; path is relative to this folder, or to node_modules
// where it starts with "@". Throws with solc's own messages, also on warnings.
export function compile(path, contractName) {
  const solc = createRequire(join(tests, 'package.json'))('solc');
  const input = {
    language: 'Solidity',
    sources: { [path]: { content: findImport(path).contents } },
    settings: {
      ...settings,
      outputSelection: {
        '*': { [contractName]: ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] },
      },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
  const complaints = (output.errors ?? []).filter((e) => e.severity !== 'info');
  if (complaints.length)
    throw new Error(complaints.map((e) => e.formattedMessage).join('\n'));
  const contract = output.contracts[path][contractName];
  return {
    contractName,
    abi: contract.abi,
    bytecode: `0x${contract.evm.bytecode.object}`,
    deployedSize: contract.evm.deployedBytecode.object.length / 2,
    compiler: { name: 'solc', version: solc.version(), settings },
  };
}

function main() {
  const { deployedSize, ...result } = compile('RoomRegistry.sol', 'RoomRegistry');
  const text = `${JSON.stringify(result, null, 2)}\n`;
  if (deployedSize > 24576)
    throw new Error(`deployed code has ${deployedSize} bytes, more than EIP-170 allows`);
  if (process.argv.includes('--check')) {
    if (existsSync(artefact) && readFileSync(artefact, 'utf8') === text) return 0;
    console.error('abi/contract/RoomRegistry.json is not what the source gives; run node abi/contract/compile.mjs');
    return 1;
  }
  writeFileSync(artefact, text);
  console.log(`RoomRegistry.json written, ${deployedSize} bytes of code`);
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = main();
  } catch (e) {
    console.error(e.message);
    process.exitCode = 1;
  }
}
