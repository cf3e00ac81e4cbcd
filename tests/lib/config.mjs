// The config file of a world, as text: the keys of config/examples/local.yaml
// with this world's addresses. Secrets go into files beside it.
import { writeFileSync } from 'node:fs';

const scalar = (v) => (typeof v === 'string' ? JSON.stringify(v) : String(v));

function lines(object, indent) {
	return Object.entries(object).filter(([, v]) => v !== undefined && v !== null).flatMap(([key, v]) => {
		if (Array.isArray(v))
			return [`${indent}${key}:`, ...v.map((item) => (typeof item === 'object'
				? lines(item, `${indent}    `).map((l, i) => (i ? l : `${indent}  - ${l.trim()}`)).join('\n')
				: `${indent}  - ${scalar(item)}`))];
		return typeof v === 'object' ? [`${indent}${key}:`, ...lines(v, `${indent}  `)] : [`${indent}${key}: ${scalar(v)}`];
	});
}

// Nested plain objects as YAML.
export const yaml = (object) => `${lines(object, '').join('\n')}\n`;

// Merge `more` into a copy of `base`, section by section.
export function merged(base, more = {}) {
	const out = structuredClone(base);
	for (const [section, values] of Object.entries(more))
		out[section] = values && typeof values === 'object' && !Array.isArray(values)
			? { ...out[section], ...values } : values;
	return out;
}

export function writeConfig(file, object) {
	writeFileSync(file, `# Written at each start; changes are lost.\n${yaml(object)}`, { mode: 0o600 });
}
