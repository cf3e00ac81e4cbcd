// Host keys and opening of sealed credentials, with other people's code only:
// eciesjs for suite 1, WebCrypto for suite 2.
import { randomBytes, webcrypto } from 'node:crypto';
import { PrivateKey, decrypt, encrypt } from 'eciesjs';

const { subtle } = webcrypto;

// {suite, secret, hostKey: 0x…} of a new random key pair.
export async function newHostKey(suite = 1) {
	if (suite === 1) {
		const key = new PrivateKey();
		return { suite, secret: key, hostKey: `0x01${Buffer.from(key.publicKey.toBytes(true)).toString('hex')}` };
	}
	const pair = await subtle.generateKey({ name: 'X25519' }, true, ['deriveBits']);
	const raw = Buffer.from(await subtle.exportKey('raw', pair.publicKey));
	return { suite, secret: pair, hostKey: `0x02${raw.toString('hex')}` };
}

// A compressed point whose x is on no curve point: well-formed, not on the curve.
export const OFF_CURVE = `0x0102${'00'.repeat(31)}05`;

async function openX25519(pair, envelope) {
	const [ephemeral, nonce, tag, text] = [envelope.subarray(0, 32), envelope.subarray(32, 48), envelope.subarray(48, 64),
		envelope.subarray(64)];
	const peer = await subtle.importKey('raw', ephemeral, { name: 'X25519' }, false, []);
	const shared = Buffer.from(await subtle.deriveBits({ name: 'X25519', public: peer }, pair.privateKey, 256));
	const ikm = await subtle.importKey('raw', Buffer.concat([ephemeral, shared]), 'HKDF', false, ['deriveKey']);
	const key = await subtle.deriveKey({ name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: new Uint8Array() }, ikm,
		{ name: 'AES-GCM', length: 256 }, false, ['decrypt']);
	return Buffer.from(await subtle.decrypt({ name: 'AES-GCM', iv: nonce, tagLength: 128 }, key, Buffer.concat([text, tag])));
}

// The credentials in a RoomProvisioned envelope (0x…), as an object.
export async function openEnvelope(key, envelope) {
	const bytes = Buffer.from(envelope.slice(2), 'hex');
	if (bytes[0] !== key.suite) throw new Error(`suite ${bytes[0]}, not ${key.suite}`);
	const body = bytes.subarray(1);
	const plain = key.suite === 1 ? Buffer.from(decrypt(key.secret.secret ?? key.secret.toHex(), body))
		: await openX25519(key.secret, body);
	if (plain.length % 64) throw new Error('the plaintext is not padded to 64 bytes');
	return JSON.parse(plain.toString('utf8'));
}

export const randomRef = () => `0x${randomBytes(32).toString('hex')}`;

// sealedTarget of addOutput: the key's id, its suite, the envelope of `target`.
export function sealTarget({ id, hostKey }, target) {
	const text = JSON.stringify(target);
	const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 64) * 64, ' '));
	const head = Buffer.from([id >> 8, id & 255, 1]);
	return `0x${Buffer.concat([head, encrypt(hostKey.slice(4), padded)]).toString('hex')}`;
}
